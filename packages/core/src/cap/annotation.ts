// SPDX-License-Identifier: Apache-2.0

/** How many pods each revision of a Deployment may have, as `altershield.io/release` says it. */
export interface ReleaseCap {
  /** `pod-template-hash` of the revision that is never capped. */
  readonly verified: string;
  /** Hash of the revision being released, `HELD`, or `AT_REST`. */
  readonly target: string;
  /** Pods that the target may have. */
  readonly released: number;
  /** `spec.replicas` when this was written. */
  readonly replicas: number;
}

/** The target while nothing is being released. */
export const AT_REST = '';
/** The target of a change that is held, before any pod of it is released. */
export const HELD = '-';

const FORMAT = /^([a-z0-9]{1,32})\/([a-z0-9]{1,32}|-)?\/(\d{1,10})\/(\d{1,10})$/;

/** Reads `<verified>/<target>/<released>/<replicas>`; `undefined` when there is no annotation. */
export function parseReleaseCap(text: string | undefined): ReleaseCap | 'Invalid' | undefined {
  if (text === undefined) return undefined;
  const [, verified, target = AT_REST, released, replicas] = FORMAT.exec(text) ?? [];
  if (verified === undefined) return 'Invalid';
  return { verified, target, released: Number(released), replicas: Number(replicas) };
}

export const formatReleaseCap = ({ verified, target, released, replicas }: ReleaseCap): string =>
  `${verified}/${target}/${released}/${replicas}`;

export const isInFlight = ({ target }: Pick<ReleaseCap, 'target'>): boolean => target !== AT_REST;

/** Pods that the target may have now: all that were released, or the same share of fewer replicas. */
export const releasedShare = (
  { released, replicas: of }: Pick<ReleaseCap, 'released' | 'replicas'>,
  replicas: number,
): number => (replicas >= of ? released : Math.floor((released * replicas) / of));
