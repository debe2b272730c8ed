// SPDX-License-Identifier: Apache-2.0
import { loopbackCertificate } from '@altershield/testing/loopback-certificate';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { answerParent } from '../support/answer.ts';
import { itemsOf, type Size } from '../support/objects.ts';

/** Where the server is, and what a client is to trust. */
export interface Endpoint {
  readonly url: string;
  readonly ca: string;
}

export interface Counts {
  readonly lists: number;
  readonly watches: number;
  readonly gets: number;
  readonly connections: number;
}

const VERSION = '900000';
const KINDS: Readonly<Record<string, string>> = {
  pods: 'PodList',
  deployments: 'DeploymentList',
  replicasets: 'ReplicaSetList',
};

let items: ReadonlyMap<string, readonly Buffer[]> = new Map();
let counts = { lists: 0, watches: 0, gets: 0, connections: 0 };
let floodOf = 0;

const isOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

function answer({ url = '' }: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(url, 'https://localhost');
  response.setHeader('content-type', 'application/json');
  const single = /\/pods\/[^/]+$/.test(pathname);
  if (single) get(response);
  else if (/^(1|true)$/.test(searchParams.get('watch') ?? '')) watch(response, isOf(pathname));
  else list(response, isOf(pathname), searchParams);
}

function get(response: ServerResponse): void {
  counts.gets += 1;
  const [pod = Buffer.from('{}')] = items.get('pods') ?? [];
  response.setHeader('content-length', pod.byteLength);
  response.end(pod);
}

function list(response: ServerResponse, plural: string, query: URLSearchParams): void {
  counts.lists += 1;
  const all = items.get(plural) ?? [];
  const from = Number(query.get('continue') ?? 0);
  const to = Math.min(all.length, from + Number(query.get('limit') ?? all.length));
  const next = to < all.length ? { continue: String(to) } : {};
  const head = {
    kind: KINDS[plural] ?? 'List',
    apiVersion: 'v1',
    metadata: { resourceVersion: VERSION, ...next },
  };
  response.write(`${JSON.stringify(head).slice(0, -1)},"items":[`);
  const comma = Buffer.from(',');
  response.write(
    Buffer.concat(all.slice(from, to).flatMap((item, i) => (i === 0 ? [item] : [comma, item]))),
  );
  response.end(']}');
}

/** Stays open in silence, unless a flood of events was ordered. */
function watch(response: ServerResponse, plural: string): void {
  counts.watches += 1;
  response.flushHeaders();
  if (plural === 'pods' && floodOf > 0) flood(response, floodOf);
}

/** As many events as ordered, as fast as the client takes them. */
function flood(response: ServerResponse, count: number): void {
  const all = items.get('pods') ?? [];
  let sent = 0;
  const fill = (): void => {
    while (sent < count) {
      const pod = all[sent % all.length]?.toString() ?? '';
      sent += 1;
      const named = pod.replace(/"resourceVersion":"\d+"/, `"resourceVersion":"${900_000 + sent}"`);
      const goesOn = response.write(
        `{"type":"MODIFIED","object":{"apiVersion":"v1","kind":"Pod",${named.slice(1)}}\n`,
      );
      if (!goesOn) {
        response.once('drain', fill);
        return;
      }
    }
    response.end();
  };
  fill();
}

const methods = {
  /** Serves that many objects, which are serialised before the first request. */
  start: async (size: Size): Promise<Endpoint> => {
    items = itemsOf(size);
    const { ca, ...certificate } = await loopbackCertificate();
    const server = createServer({ ...certificate, keepAliveTimeout: 60_000 }, answer);
    server.on('secureConnection', () => {
      counts.connections += 1;
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, ca };
  },
  /** Requests since the last time. */
  take: (): Counts => {
    const taken = counts;
    counts = { lists: 0, watches: 0, gets: 0, connections: 0 };
    return taken;
  },
  /** The next watches of pods send that many events, then end. */
  flood: (count: number): void => {
    floodOf = count;
  },
  /** Bytes of an average pod. */
  podBytes: (): number => {
    const pods = items.get('pods') ?? [];
    return pods.reduce((sum, { byteLength }) => sum + byteLength, 0) / pods.length;
  },
};

export type Api = typeof methods;
answerParent(methods);
