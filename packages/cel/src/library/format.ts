// SPDX-License-Identifier: Apache-2.0
import { Optional } from '../engine.ts';
import type { Definition } from './library.ts';
import { isUrl } from './url.ts';

/** A named format of strings; `validate` returns what is wrong, or nothing. */
export class Format {
  readonly name: string;
  readonly validate: (text: string) => readonly string[];

  constructor(name: string, validate: (text: string) => readonly string[]) {
    this.name = name;
    this.validate = validate;
  }

  equals(other: unknown): boolean {
    return other instanceof Format && other.name === this.name;
  }
}

const DNS1123 = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?';
const NAME = /^(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

const LABEL = { pattern: new RegExp(`^${DNS1123}$`), max: 63, what: 'a DNS-1123 label' };
const SUBDOMAIN = {
  pattern: new RegExp(`^${DNS1123}(?:\\.${DNS1123})*$`),
  max: 253,
  what: 'a DNS-1123 subdomain',
};
const LABEL_1035 = {
  pattern: /^[a-z](?:[-a-z0-9]*[a-z0-9])?$/,
  max: 63,
  what: 'a DNS-1035 label',
};

interface Shape {
  readonly pattern: RegExp;
  readonly max: number;
  readonly what: string;
}

const shaped =
  ({ pattern, max, what }: Shape) =>
  (text: string): readonly string[] => [
    ...(text.length > max ? [`must be no more than ${max} characters`] : []),
    ...(pattern.test(text) ? [] : [`must be ${what}`]),
  ];

/** A prefix of a generated name may end with a dash: what follows it is a letter or a digit. */
const asPrefix =
  (shape: Shape) =>
  (text: string): readonly string[] =>
    shaped(shape)(text.length > 1 && text.endsWith('-') ? `${text.slice(0, -2)}a` : text);

const unless =
  (isValid: (text: string) => boolean, message: string) =>
  (text: string): readonly string[] =>
    isValid(text) ? [] : [message];

function qualifiedName(text: string): readonly string[] {
  const parts = text.split('/');
  const name = parts.at(-1) ?? '';
  const prefix = parts.length === 2 ? (parts[0] ?? '') : undefined;
  if (parts.length > 2) return ['must be a name, with an optional DNS subdomain and "/" before it'];
  return [
    ...(prefix === undefined
      ? []
      : shaped(SUBDOMAIN)(prefix).map((error) => `prefix part ${error}`)),
    ...shaped({ pattern: NAME, max: 63, what: 'a name' })(name).map((e) => `name part ${e}`),
  ];
}

const labelValue = (text: string): readonly string[] =>
  text === '' ? [] : shaped({ pattern: NAME, max: 63, what: 'a label value' })(text);

const isDay = (text: string): boolean => {
  const time = new Date(`${text}T00:00:00Z`);
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && time.getUTCDate() === Number(text.slice(8));
};

const DATETIME =
  /^(\d{4}-\d{2}-\d{2})[Tt ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;
const UUID = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/;

const FORMATS: Readonly<Record<string, (text: string) => readonly string[]>> = {
  dns1123Label: shaped(LABEL),
  dns1123Subdomain: shaped(SUBDOMAIN),
  dns1035Label: shaped(LABEL_1035),
  dns1123LabelPrefix: asPrefix(LABEL),
  dns1123SubdomainPrefix: asPrefix(SUBDOMAIN),
  dns1035LabelPrefix: asPrefix(LABEL_1035),
  qualifiedName,
  labelValue,
  uri: unless(isUrl, 'invalid URI'),
  uuid: unless((text) => UUID.test(text), 'does not match the UUID format'),
  byte: unless((text) => BASE64.test(text), 'invalid base64'),
  date: unless(isDay, 'invalid date'),
  datetime: unless((text) => isDay(DATETIME.exec(text)?.[1] ?? ''), 'invalid datetime'),
};

const formats = new Map(
  Object.entries(FORMATS).map(([name, validate]) => [name, new Format(name, validate)]),
);

function validate(format: Format, text: string): unknown {
  const errors = format.validate(text);
  return errors.length === 0 ? Optional.none() : Optional.of(errors);
}

export const FORMAT: readonly Definition[] = [
  [
    'FormatNamespace.named(string): optional<Format>',
    (_: unknown, name: string) => {
      const format = formats.get(name);
      return format === undefined ? Optional.none() : Optional.of(format);
    },
  ],
  ...[...formats].map(([name, format]): Definition => [
    `FormatNamespace.${name}(): Format`,
    () => format,
  ]),
  ['Format.validate(string): optional<list<string>>', validate],
];
