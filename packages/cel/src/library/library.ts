// SPDX-License-Identifier: Apache-2.0
import type { Environment, Evaluator } from '../engine.ts';

/** A function as CEL declares it, and what it does; the engine passes what the types say. */
export type Definition = readonly [signature: string, handler: (...args: never[]) => unknown];

/** What a function throws for arguments that it cannot take. */
export class InvalidArgument extends Error {}

export interface Signature {
  readonly name: string;
  readonly receiver?: string;
  readonly args: readonly string[];
  readonly returns: string;
}

/** Reads `receiver.name(type, type): type`. */
export function parseSignature(text: string): Signature {
  const open = text.indexOf('(');
  const close = text.lastIndexOf('):');
  const path = text.slice(0, open);
  const dot = path.lastIndexOf('.');
  const args = splitTypes(text.slice(open + 1, close));
  const returns = text.slice(close + 2).trim();
  const name = path.slice(dot + 1);
  return dot < 0 ? { name, args, returns } : { name, receiver: path.slice(0, dot), args, returns };
}

/** Splits at the commas that are outside of `<>`. */
const splitTypes = (text: string): string[] =>
  text.split(/,(?![^<]*>)/).flatMap((part) => (part.trim() === '' ? [] : [part.trim()]));

/**
 * Registers functions. Those in `replaced` get a name that no expression can contain, because the
 * engine has functions of that name; calls are renamed before they are checked.
 */
export function register(
  environment: Environment,
  definitions: readonly Definition[],
  replaced: ReadonlySet<string>,
): void {
  for (const [text, handler] of definitions) {
    const { name, receiver, args, returns } = parseSignature(text);
    const isMethodOfNamespace = receiver?.endsWith('Namespace') ?? false;
    environment.registerFunction({
      name: replaced.has(name) && !isMethodOfNamespace ? replacementOf(name) : name,
      ...(receiver !== undefined && { receiverType: receiver }),
      returnType: returns,
      params: args.map((type) => ({ type })),
      handler: located(handler as Handler),
      async: false,
    });
  }
}

type Handler = (...values: unknown[]) => unknown;

/** The engine adds the position in the source to errors of its own only. */
function located(handler: Handler): Handler {
  return function (this: Evaluator, ...values: unknown[]): unknown {
    try {
      return handler(...values);
    } catch (error) {
      if (!(error instanceof InvalidArgument)) throw error;
      throw this.createError('invalid_argument', error.message);
    }
  };
}

export const replacementOf = (name: string): string => `${name}'`;

/** A message of the engine, with the names that the user knows. */
export const withoutReplacements = (message: string): string => message.replaceAll("'(", '(');

const MAX_INT = 2n ** 63n - 1n;
const MIN_INT = -(2n ** 63n);

/** Ends with an error what does not fit an int of CEL. */
export function toInt(value: bigint): bigint {
  if (value > MAX_INT || value < MIN_INT) throw new InvalidArgument('integer overflow');
  return value;
}
