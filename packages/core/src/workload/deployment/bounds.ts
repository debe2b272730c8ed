// SPDX-License-Identifier: Apache-2.0
import type { IntOrPercent } from '../../json/objects.ts';
import { scaledValue } from '../../json/scaled-value.ts';

/** `maxSurge` and `maxUnavailable`, resolved against the replicas. */
export interface Bounds {
  readonly surge: number;
  readonly unavailable: number;
}

/** Resolves both as the Deployment controller does (never both 0). */
export function userBounds(
  rolling: { readonly maxSurge?: IntOrPercent; readonly maxUnavailable?: IntOrPercent } | undefined,
  replicas: number,
): Bounds {
  const surge = scaledValue(rolling?.maxSurge ?? '25%', replicas, Math.ceil);
  const unavailable = Math.min(
    replicas,
    scaledValue(rolling?.maxUnavailable ?? '25%', replicas, Math.floor),
  );
  return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable };
}
