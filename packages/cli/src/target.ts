// SPDX-License-Identifier: Apache-2.0
import type { SUPPORTED_KINDS } from '@altershield/api';
import { CliError, EXIT } from './exit.ts';

/** What a person named on the command line. */
export type Target =
  | { readonly type: 'change'; readonly name: string }
  | { readonly type: 'workload'; readonly kind: string; readonly name: string };

const WORKLOADS: Readonly<Record<string, (typeof SUPPORTED_KINDS)[number]>> = {
  deploy: 'Deployment',
  deployment: 'Deployment',
  deployments: 'Deployment',
  'deployment.apps': 'Deployment',
  'deployments.apps': 'Deployment',
};

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
  const workload = WORKLOADS[kind.toLowerCase()];
  if (workload !== undefined) return { type: 'workload', kind: workload, name };
  throw usage(words, unknownKind(words));
}

/** A kind alone names nothing. */
const isNameOnly = ([word = '', ...rest]: readonly string[]): boolean =>
  rest.length === 0 && ![...CHANGE, ...Object.keys(WORKLOADS)].includes(word.toLowerCase());

const unknownKind = ([word = '', ...others]: readonly string[]): string =>
  word.includes('/') && others.length > 0
    ? 'name one workload or one change at a time'
    : 'only changes of Deployments are followed as yet: deploy/NAME or change/NAME';

const usage = (words: readonly string[], cure: string): CliError =>
  new CliError(EXIT.usage, `cannot read the target "${words.join(' ')}"`, cure);

/** As people type it. */
export const describeTarget = (target: Target): string =>
  target.type === 'change' ? `change/${target.name}` : `deploy/${target.name}`;
