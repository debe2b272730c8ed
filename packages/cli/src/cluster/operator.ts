// SPDX-License-Identifier: Apache-2.0
import { OBJECT_NAMES } from '@altershield/api';
import { KubeError, RESOURCES, isNotFound, type Lease } from '@altershield/kube';
import { duration } from '../render/age.ts';
import type { ReadClient } from './records.ts';

/** The clock of the terminal may differ from that of the operator. */
const CLOCK_SKEW_MS = 30_000;

export const expiresAt = ({ spec = {} }: Lease): number =>
  Date.parse(spec.renewTime ?? '') + (spec.leaseDurationSeconds ?? 0) * 1000;

/**
 * Says that no operator is alive, by the Lease in its namespace; undefined when one is, or when the
 * Lease cannot be read: most users may not.
 */
export async function operatorAbsence(
  client: Pick<ReadClient, 'get'>,
  namespace: string,
  now: number,
): Promise<string | undefined> {
  try {
    const lease = await client.get<Lease>(RESOURCES.lease, { namespace, name: OBJECT_NAMES.lease });
    return absenceOf(lease, namespace, now);
  } catch (error) {
    if (isNotFound(error)) return `No operator has run in namespace ${namespace}.`;
    if (error instanceof KubeError) return undefined;
    throw error;
  }
}

function absenceOf(lease: Lease, namespace: string, now: number): string | undefined {
  const silentMs = now - expiresAt(lease);
  const isReleased = (lease.spec?.holderIdentity ?? '') === '';
  if (!isReleased && silentMs < CLOCK_SKEW_MS) return undefined;
  const since = Number.isNaN(silentMs) || silentMs < 0 ? '' : ` for ${duration(silentMs)}`;
  return `No operator has been alive in namespace ${namespace}${since}: changes do not move until one runs.`;
}
