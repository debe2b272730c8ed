// SPDX-License-Identifier: Apache-2.0
import { dig, list, asJsonObject, text } from '../../json.ts';
import { FIELD, type FieldProblem } from '../failure.ts';

const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const DNS_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Validation errors of a label selector, with the beginnings of the API server's messages. */
export const validateSelector = (selector: unknown, path: string): FieldProblem[] => [
  ...Object.entries(asJsonObject(dig(selector, 'matchLabels'))).flatMap(([key, value]) => [
    ...keyProblems(key, `${path}.matchLabels`),
    ...valueProblems(value, `${path}.matchLabels`),
  ]),
  ...list(dig(selector, 'matchExpressions')).flatMap((one, at) =>
    validateExpression(one, `${path}.matchExpressions[${at}]`),
  ),
];

function validateExpression(expression: unknown, path: string): FieldProblem[] {
  const { key, operator, values: given } = asJsonObject(expression);
  const values = list(given);
  return [
    ...countProblems(operator, values.length, path),
    ...keyProblems(text(key), `${path}.key`),
    ...values.flatMap((value, at) => valueProblems(value, `${path}.values[${at}]`)),
  ];
}

function countProblems(operator: unknown, count: number, path: string): FieldProblem[] {
  const at = `${path}.values`;
  switch (operator) {
    case 'In':
    case 'NotIn':
      return count > 0
        ? []
        : [FIELD.required(at, "must be specified when `operator` is 'In' or 'NotIn'")];
    case 'Exists':
    case 'DoesNotExist':
      return count === 0
        ? []
        : [
            FIELD.forbidden(
              at,
              "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
            ),
          ];
    default:
      return [FIELD.invalid(`${path}.operator`, operator, 'not a valid selector operator')];
  }
}

function keyProblems(key: string, path: string): FieldProblem[] {
  const slash = key.indexOf('/');
  const [prefix, name] = slash < 0 ? [undefined, key] : [key.slice(0, slash), key.slice(slash + 1)];
  const problems: string[] = [];
  if (prefix !== undefined && !DNS_NAME.test(prefix)) {
    problems.push('prefix part a lowercase RFC 1123 subdomain must consist of lower case …');
  }
  if ((prefix?.length ?? 0) > 253) problems.push('prefix part must be no more than 253 bytes');
  if (!NAME.test(name)) problems.push('name part must consist of alphanumeric characters, …');
  if (name.length > 63) problems.push('name part must be no more than 63 bytes');
  return problems.map((why) => FIELD.invalid(path, key, why));
}

function valueProblems(value: unknown, path: string): FieldProblem[] {
  const problems: string[] = [];
  const word = text(value);
  if (word !== '' && !NAME.test(word)) {
    problems.push('a valid label must be an empty string or consist of alphanumeric characters, …');
  }
  if (word.length > 63) problems.push('must be no more than 63 bytes');
  return problems.map((why) => FIELD.invalid(path, value, why));
}
