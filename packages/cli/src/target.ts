// SPDX-License-Identifier: Apache-2.0
import { ADAPTERS, adapterNamed, type WorkloadAdapter } from '@altershield/core';
import { CliError, EXIT } from './exit.ts';

/** The target on the command line. */
export type Target =
  | { readonly type: 'change'; readonly name: string }
  | { readonly type: 'workload'; readonly adapter: WorkloadAdapter; readonly name: string };

const CHANGE = new Set([
  'change',
  'changes',
  'cw',
  'changeworkload',
  'changeworkloads',
  'changeworkload.altershield.io',
  'changeworkloads.altershield.io',
]);

/**
 * `deploy/checkout`, `deploy checkout`, `change/checkout-7`, what `kubectl get -o name` prints, and
 * the bare name of a change.
 */
export function parseTarget(words: readonly string[]): Target {
  const parts = words.length === 1 ? words.flatMap((word) => word.split('/')) : words;
  const [kind = '', name = '', ...rest] = isNameOnly(parts) ? ['change', ...parts] : parts;
  if (name === '' || rest.length > 0) {
    throw usage(words, 'name a workload as deploy/NAME, or a change as change/NAME');
  }
  if (CHANGE.has(kind.toLowerCase())) return { type: 'change', name };
  const adapter = adapterNamed(kind);
  if (adapter !== undefined) return { type: 'workload', adapter, name };
  throw usage(words, unknownKind(words));
}

/** A kind alone is not a name. */
const isNameOnly = ([word = '', ...rest]: readonly string[]): boolean =>
  rest.length === 0 && !CHANGE.has(word.toLowerCase()) && adapterNamed(word) === undefined;

const unknownKind = ([word = '', ...others]: readonly string[]): string =>
  word.includes('/') && others.length > 0
    ? 'name one workload or one change at a time'
    : `name a change as change/NAME, or a workload as ${KINDS}`;

const KINDS = ADAPTERS.map(({ descriptor }) => `${descriptor.cliNames[0]}/NAME`).join(' or ');

const usage = (words: readonly string[], hint: string): CliError =>
  new CliError(EXIT.usage, `invalid target "${words.join(' ')}"`, hint);

/** As users type it. */
export const describeTarget = (target: Target): string =>
  target.type === 'change'
    ? `change/${target.name}`
    : `${target.adapter.descriptor.cliNames[0]}/${target.name}`;
