// SPDX-License-Identifier: Apache-2.0

/** One error in a user's object: its path, the value found, and the value expected. */
export interface FieldError {
  readonly path: string;
  readonly value: string;
  readonly message: string;
}

const MAX_VALUE = 80;

export function invalid(path: string, value: unknown, message: string): FieldError {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return { path, value: text.slice(0, MAX_VALUE), message };
}

/** All errors, one sentence each, as a user reads them in a denial or a condition. */
export const explainErrors = (errors: readonly FieldError[]): string =>
  errors.map(({ path, value, message }) => `${path}: ${message} (got ${value})`).join('; ');

/** Formats the parts of a path as `a.b[2].labels[example.com/tier]`. */
export const fieldPath = (parts: readonly PropertyKey[]): string =>
  parts.map(String).reduce((path, part) => {
    if (!/^[A-Za-z_]\w*$/.test(part)) return `${path}[${part}]`;
    return path === '' ? part : `${path}.${part}`;
  }, '');
