// SPDX-License-Identifier: Apache-2.0

/** Which revision of a Deployment may have how many pods: the value of `altershield.io/release`. */
export interface ReleaseCap {
  /** pod-template-hash of the revision that is never capped: what ran before the change. */
  readonly verified: string;
  /** pod-template-hash of the revision being released, `AT_REST` or `HELD`. */
  readonly target: string;
  /** Pods that the target may have. */
  readonly released: number;
  /** `spec.replicas` when this was written; scaled below it, the target keeps its share. */
  readonly replicas: number;
}

/** The target while nothing is being released. */
export const AT_REST = '';
/** The target of a change that is held: in flight, but no pod of it is released yet. No hash looks like it. */
export const HELD = '-';

const HASH = '[a-z0-9]{1,63}';
/** Nine digits: beyond every cluster, and a product of two such numbers fits 64 bits. */
const COUNT = '[0-9]{1,9}';
const MOST = 999_999_999;

/** A whole number that the clamp can work with. CEL and JavaScript read both patterns alike. */
export const COUNT_PATTERN = `^${COUNT}$`;
export const AT_REST_PATTERN = `^${HASH}//${COUNT}/${COUNT}$`;
export const IN_FLIGHT_PATTERN = `^${HASH}/(${HELD}|${HASH})/${COUNT}/${COUNT}$`;
/** Everything that `formatReleaseCap` can write, and nothing else. */
export const RELEASE_PATTERN = `^${HASH}/(${HELD}|${HASH})?/${COUNT}/${COUNT}$`;

const RELEASE = new RegExp(RELEASE_PATTERN);

/** Reads the annotation; a hand-edited one is `Invalid` as a whole, no part of it is guessed. */
export function parseReleaseCap(text: string | undefined): ReleaseCap | 'Invalid' | undefined {
  if (text === undefined) return undefined;
  if (!RELEASE.test(text)) return 'Invalid';
  const [verified = '', target = '', released, replicas] = text.split('/');
  return { verified, target, released: Number(released), replicas: Number(replicas) };
}

/** The annotation's text. Counts are bounded to what `parseReleaseCap` accepts. */
export const formatReleaseCap = ({ verified, target, released, replicas }: ReleaseCap): string =>
  [verified, target, bounded(released), bounded(replicas)].join('/');

const bounded = (count: number): number => Math.max(0, Math.min(Math.trunc(count), MOST));

/** Whether the API server itself enforces the cap; at rest, an operator that answers does. */
export const isInFlight = ({ target }: Pick<ReleaseCap, 'target'>): boolean => target !== AT_REST;
