// SPDX-License-Identifier: Apache-2.0

/** A CEL string literal: user names may contain quotes. */
export const celText = (text: string): string =>
  `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** Match condition that excludes the operator's own writes from review. */
export const notTheOperator = (operatorUser: string): Readonly<Record<string, string>> => ({
  name: 'not-the-operator',
  expression: `request.userInfo.username != ${celText(operatorUser)}`,
});
