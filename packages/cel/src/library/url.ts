// SPDX-License-Identifier: Apache-2.0
import { mapFrom } from '../values.ts';
import { InvalidArgument, type Definition } from './library.ts';

const ABSOLUTE = /^([a-zA-Z][a-zA-Z0-9+.-]*):(?:\/\/([^/?]*))?(\/[^?]*)?(?:\?(.*))?$/s;
const PATH = /^()()(\/[^?]*)(?:\?(.*))?$/s;
const HOST = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]\s<>"\\^`{|}]*))(?::(\d*))?$/;
const CONTROL = /[\u0000-\u001f\u007f]/;
const BAD_ESCAPE = /%(?![0-9a-fA-F]{2})/;

/** An absolute URI or an absolute path, as in the first line of an HTTP request. */
export class Url {
  readonly scheme: string;
  readonly host: string;
  readonly hostname: string;
  readonly port: string;
  readonly path: string;
  readonly query: string;

  constructor(parts: Omit<Url, 'equals'>) {
    this.scheme = parts.scheme;
    this.host = parts.host;
    this.hostname = parts.hostname;
    this.port = parts.port;
    this.path = parts.path;
    this.query = parts.query;
  }

  equals(other: unknown): boolean {
    return other instanceof Url && JSON.stringify(other) === JSON.stringify(this);
  }
}

function parse(text: string): Url | undefined {
  if (CONTROL.test(text)) return undefined;
  const match = text.startsWith('/') ? PATH.exec(text) : ABSOLUTE.exec(text);
  if (match === null || BAD_ESCAPE.test(match[3] ?? '')) return undefined;
  // A scheme alone, or one with something opaque, such as a mail address, is no place.
  if (match[2] === undefined && match[3] === undefined) return undefined;
  const host = (match[2] ?? '').replace(/^.*@/s, '');
  const parts = HOST.exec(host);
  return parts === null ? undefined : urlOf(match, host, parts);
}

function urlOf(match: RegExpExecArray, host: string, parts: RegExpExecArray): Url {
  const [, scheme = '', , path = '', query = ''] = match;
  const [, bracketed, plain = '', port = ''] = parts;
  const hostname = bracketed ?? plain;
  return new Url({ scheme: scheme.toLowerCase(), host, hostname, port, path, query });
}

export const isUrl = (text: string): boolean => parse(text) !== undefined;

function url(text: string): Url {
  const parsed = parse(text);
  if (parsed === undefined) throw new InvalidArgument(`"${text}" is not a valid URL`);
  return parsed;
}

const escapePath = (path: string): string =>
  path.replace(/[^A-Za-z0-9%/$&+,:;=@!'()*_.~[\]-]/gu, encodeURIComponent);

/** The values of each parameter in the order of the query. */
function queryOf({ query }: Url): unknown {
  const values = new Map<string, string[]>();
  for (const pair of query.split('&')) {
    if (pair === '' || pair.includes(';')) continue;
    const [key = '', ...rest] = pair.split('=').map((part) => part.replaceAll('+', ' '));
    const [name, value] = [decode(key), decode(rest.join('='))];
    if (name === undefined || value === undefined) continue;
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  return mapFrom([...values]);
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

export const URLS: readonly Definition[] = [
  ['isURL(string): bool', isUrl],
  ['url(string): URL', url],
  ['URL.getScheme(): string', ({ scheme }: Url) => scheme],
  ['URL.getHost(): string', ({ host }: Url) => host],
  ['URL.getHostname(): string', ({ hostname }: Url) => hostname],
  ['URL.getPort(): string', ({ port }: Url) => port],
  ['URL.getEscapedPath(): string', ({ path }: Url) => escapePath(path)],
  ['URL.getQuery(): map<string, list<string>>', queryOf],
];
