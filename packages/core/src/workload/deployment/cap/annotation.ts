// SPDX-License-Identifier: Apache-2.0

/** The value of `altershield.io/release`: how many pods each revision of a Deployment may have. */
export interface ReleaseCap {
  /** pod-template-hash of the revision that is never capped: the one that ran before the change. */
  readonly verified: string;
  /** pod-template-hash of the revision being released, `AT_REST` or `HELD`. */
  readonly target: string;
  /** Pods that the target may have. */
  readonly released: number;
  /** `spec.replicas` at the time of writing; when scaled below it, the target keeps its share. */
  readonly replicas: number;
}

/** The target while nothing is being released. */
export const AT_REST = '';
/** The target of a held change: in flight, but with no released pods. No hash has this form. */
export const HELD = '-';

const HASH = '[a-z0-9]{1,63}';
/** Nine digits exceed any cluster, and the product of two such numbers fits 64 bits. */
const COUNT = '[0-9]{1,9}';
const MOST = 999_999_999;

/** A whole number that the clamp can use. CEL and JavaScript read these patterns alike. */
export const COUNT_PATTERN = `^${COUNT}$`;
export const AT_REST_PATTERN = `^${HASH}//${COUNT}/${COUNT}$`;
export const IN_FLIGHT_PATTERN = `^${HASH}/(${HELD}|${HASH})/${COUNT}/${COUNT}$`;
/** Matches exactly the texts that `formatReleaseCap` can write. */
export const RELEASE_PATTERN = `^${HASH}/(${HELD}|${HASH})?/${COUNT}/${COUNT}$`;

const RELEASE = new RegExp(RELEASE_PATTERN);

/** Reads the annotation. An invalid text is `Invalid` as a whole: no part of it is guessed. */
export function parseReleaseCap(text: string | undefined): ReleaseCap | 'Invalid' | undefined {
  if (text === undefined) return undefined;
  if (!RELEASE.test(text)) return 'Invalid';
  const [verified = '', target = '', released, replicas] = text.split('/');
  return { verified, target, released: Number(released), replicas: Number(replicas) };
}

/** The annotation's text. Counts are limited to the values that `parseReleaseCap` accepts. */
export const formatReleaseCap = ({ verified, target, released, replicas }: ReleaseCap): string =>
  [verified, target, bounded(released), bounded(replicas)].join('/');

const bounded = (count: number): number => Math.max(0, Math.min(Math.trunc(count), MOST));

/**
 * Whether the cap is in flight: the API server then enforces it even without an operator. At rest,
 * only a running operator does.
 */
export const isInFlight = ({ target }: Pick<ReleaseCap, 'target'>): boolean => target !== AT_REST;
