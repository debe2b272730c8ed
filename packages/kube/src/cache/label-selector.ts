// SPDX-License-Identifier: Apache-2.0

export type Labels = Readonly<Record<string, string>>;
type Requirement = (labels: Labels) => boolean;

/**
 * Compiles the text form that the API takes: `a=b`, `a==b`, `a!=b`, `a in (x,y)`, `a notin (x)`, `a`,
 * `!a`, joined by commas. Throws a `TypeError` that quotes the invalid part.
 */
export function parseLabelSelector(selector: string): (labels: Labels) => boolean {
  const requirements = splitRequirements(selector).map(parseRequirement);
  return (labels) => requirements.every((requirement) => requirement(labels));
}

/** A label selector as objects have it. */
export interface LabelSelector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/** The text form of a selector; '' for an empty one, which selects everything. */
export function formatLabelSelector({ matchLabels, matchExpressions = [] }: LabelSelector): string {
  const labels = Object.entries(matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const expressions = matchExpressions.map(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return key;
    if (operator === 'DoesNotExist') return `!${key}`;
    return `${key} ${operator.toLowerCase()} (${values.join(',')})`;
  });
  return [...labels, ...expressions].join(',');
}

/** Commas inside parentheses do not separate. */
const splitRequirements = (selector: string): string[] =>
  selector
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '');

const SET = /^([\w./-]+)\s+(in|notin)\s*\(([^()]*)\)$/;
const EQUALITY = /^([\w./-]+)\s*(==|=|!=)\s*([\w.-]*)$/;
const EXISTENCE = /^(!?)\s*([\w./-]+)$/;

function parseRequirement(text: string): Requirement {
  const requirement = parseSet(text) ?? parseEquality(text) ?? parseExistence(text);
  if (requirement !== undefined) return requirement;
  throw new TypeError(`invalid label selector "${text}"`);
}

function parseSet(text: string): Requirement | undefined {
  const [, key = '', operator, members = ''] = SET.exec(text) ?? [];
  const values = members.split(',').map((value) => value.trim());
  return operator === undefined ? undefined : isIn(key, values, operator === 'in');
}

function parseEquality(text: string): Requirement | undefined {
  const [, key = '', operator, value = ''] = EQUALITY.exec(text) ?? [];
  return operator === undefined ? undefined : isIn(key, [value], operator !== '!=');
}

function parseExistence(text: string): Requirement | undefined {
  const [, negation, key] = EXISTENCE.exec(text) ?? [];
  if (key === undefined) return undefined;
  return (labels) => Object.hasOwn(labels, key) === (negation === '');
}

/** As in Kubernetes, an object without the label satisfies every negative requirement. */
const isIn =
  (key: string, values: readonly string[], wanted: boolean): Requirement =>
  (labels) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    return (value !== undefined && values.includes(value)) === wanted;
  };
