// SPDX-License-Identifier: Apache-2.0
import { dig, isJsonObject, list, strings, text, type StoredObject } from '../json.ts';
import { badRequest } from './failure.ts';

export type Labels = Readonly<Record<string, string>>;
export type LabelTest = (labels: Labels) => boolean;
export type ObjectTest = (object: StoredObject) => boolean;

const SET = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/;
const EQUALITY = /^([^!=\s]+)\s*(==|=|!=)\s*(\S*)$/;

/** Compiles `a=b,c!=d,e in (x,y),f,!g`. */
export function parseLabelSelector(selector: string): LabelTest {
  const tests = splitTopLevel(selector).map(parseRequirement);
  return (labels) => tests.every((test) => test(labels));
}

function splitTopLevel(selector: string): string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function parseRequirement(part: string): LabelTest {
  const [, setKey, operator, members] = SET.exec(part) ?? [];
  if (setKey !== undefined && members !== undefined) {
    const values = members.split(',').map((value) => value.trim());
    return requirement(setKey, operator === 'in' ? 'In' : 'NotIn', values);
  }
  const [, key, sign, value] = EQUALITY.exec(part) ?? [];
  if (key !== undefined && value !== undefined) {
    return requirement(key, sign === '!=' ? 'NotIn' : 'In', [value]);
  }
  return parsePresence(part);
}

function parsePresence(part: string): LabelTest {
  if (/[\s=()]/.test(part)) throw badRequest(`unable to parse requirement: ${part}`);
  return part.startsWith('!')
    ? requirement(part.slice(1).trim(), 'DoesNotExist', [])
    : requirement(part, 'Exists', []);
}

function requirement(key: string, operator: string, values: readonly string[]): LabelTest {
  switch (operator) {
    case 'In':
      return (labels) => labels[key] !== undefined && values.includes(labels[key]);
    case 'NotIn':
      return (labels) => labels[key] === undefined || !values.includes(labels[key]);
    case 'Exists':
      return (labels) => labels[key] !== undefined;
    case 'DoesNotExist':
      return (labels) => labels[key] === undefined;
    default:
      throw badRequest(`"${operator}" is not a valid label selector operator`);
  }
}

/** Compiles a LabelSelector object; an absent or empty one matches everything. */
export function compileLabelSelector(selector: unknown): LabelTest {
  const equalities = Object.entries(strings(dig(selector, 'matchLabels')));
  const tests = [
    ...equalities.map(([key, value]) => requirement(key, 'In', [value])),
    ...list(dig(selector, 'matchExpressions'))
      .filter(isJsonObject)
      .map((one) =>
        requirement(text(one['key']), text(one['operator']), list(one['values']).map(text)),
      ),
  ];
  return (labels) => tests.every((test) => test(labels));
}

const FIELDS: Readonly<Record<string, (object: StoredObject) => string>> = {
  'metadata.name': ({ metadata }) => metadata.name,
  'metadata.namespace': ({ metadata }) => metadata.namespace ?? '',
  'spec.nodeName': (object) => text(dig(object, 'spec', 'nodeName')),
  'status.phase': (object) => text(dig(object, 'status', 'phase')),
  'involvedObject.uid': (object) => text(dig(object, 'involvedObject', 'uid')),
  'involvedObject.name': (object) => text(dig(object, 'involvedObject', 'name')),
  'involvedObject.kind': (object) => text(dig(object, 'involvedObject', 'kind')),
  'involvedObject.namespace': (object) => text(dig(object, 'involvedObject', 'namespace')),
};

/** Compiles `metadata.name=a,status.phase!=Running`. */
export function parseFieldSelector(selector: string): ObjectTest {
  const tests = splitTopLevel(selector).map(parseFieldTerm);
  return (object) => tests.every((test) => test(object));
}

function parseFieldTerm(part: string): ObjectTest {
  const [, field, sign, value] = EQUALITY.exec(part) ?? [];
  const read = FIELDS[field ?? ''];
  if (read === undefined) throw badRequest(`field label not supported: ${field ?? part}`);
  return (object) => (read(object) === value) === (sign !== '!=');
}

/** The test that a request's `labelSelector` and `fieldSelector` make together. */
export function objectTest(labelSelector: string, fieldSelector: string): ObjectTest {
  const byLabels = parseLabelSelector(labelSelector);
  const byFields = parseFieldSelector(fieldSelector);
  return (object) => byLabels(object.metadata.labels ?? {}) && byFields(object);
}
