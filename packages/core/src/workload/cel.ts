// SPDX-License-Identifier: Apache-2.0

/** A text as a literal of CEL: user names may have quotes in them. */
export const celText = (text: string): string =>
  `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** The operator's own writes are reviewed by nobody. */
export const notTheOperator = (operatorUser: string): Readonly<Record<string, string>> => ({
  name: 'not-the-operator',
  expression: `request.userInfo.username != ${celText(operatorUser)}`,
});
