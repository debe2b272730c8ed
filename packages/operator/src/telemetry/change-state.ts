// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkloadStatus, Reason } from '@altershield/api';
import { isOver, statusOf } from '@altershield/core';
import type { ChangeObject, PolicyObject } from '../objects.ts';

/** One series of a gauge: its labels and its value. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Sums values by their labels, because a gauge has one value per label set. */
class Totals {
  readonly #samples = new Map<string, Sample>();

  add(labels: Sample['labels'], combine: (before: number) => number): void {
    const key = JSON.stringify(labels);
    const before = this.#samples.get(key)?.value ?? 0;
    this.#samples.set(key, { labels, value: combine(before) });
  }

  get samples(): Sample[] {
    return [...this.#samples.values()];
  }
}

const plusOne = (before: number): number => before + 1;

const namespaceOf = ({ metadata }: ChangeObject | PolicyObject): string => metadata.namespace ?? '';

/** Changes that have not ended, by namespace, kind of the workload, and phase. */
export function changesInFlight(changes: readonly ChangeObject[]): Sample[] {
  const totals = new Totals();
  for (const change of changes) {
    const { phase } = statusOf(change);
    const { kind } = change.spec.target;
    if (!isOver(phase)) totals.add({ namespace: namespaceOf(change), kind, phase }, plusOne);
  }
  return totals.samples;
}

const WAITS_FOR_USER: ReadonlySet<string> = new Set(['PausedByUser', 'AwaitingApproval']);

/** A suspended change that needs no user. */
const GOES_ON = 'SlowToBecomeReady' satisfies Reason;

/** A paused rollout also waits for the user: it continues after `kubectl rollout resume`. */
const needsDecision = ({ phase, reason }: ChangeWorkloadStatus): boolean =>
  !isOver(phase) && ((phase === 'Suspend' && reason !== GOES_ON) || WAITS_FOR_USER.has(reason));

/** Changes that wait for a user, by namespace and reason. */
export function waitingChanges(changes: readonly ChangeObject[]): Sample[] {
  const totals = new Totals();
  for (const change of changes) {
    const status = statusOf(change);
    if (!needsDecision(status)) continue;
    totals.add({ namespace: namespaceOf(change), reason: status.reason }, plusOne);
  }
  return totals.samples;
}

/** The longest wait for a user in seconds, by namespace and reason. */
export function longestWaits(changes: readonly ChangeObject[], now: number): Sample[] {
  const totals = new Totals();
  for (const change of changes) {
    const status = statusOf(change);
    if (!needsDecision(status)) continue;
    const since = Date.parse(status.phaseSince ?? change.metadata.creationTimestamp);
    const seconds = Math.max(0, now - since) / 1000;
    totals.add({ namespace: namespaceOf(change), reason: status.reason }, (longest) =>
      Math.max(longest, seconds),
    );
  }
  return totals.samples;
}

/** Quarantined revisions by namespace. Several records may name the same revision. */
export function quarantinedRevisions(changes: readonly ChangeObject[], now: number): Sample[] {
  const totals = new Totals();
  const counted = new Set<string>();
  for (const change of changes) {
    const quarantine = change.status?.quarantine;
    if (quarantine === undefined || quarantine.lifted !== undefined) continue;
    const revision = `${change.spec.target.uid}/${quarantine.fingerprint}`;
    if (Date.parse(quarantine.until) <= now || counted.has(revision)) continue;
    counted.add(revision);
    totals.add({ namespace: namespaceOf(change) }, plusOne);
  }
  return totals.samples;
}

/** Policies by namespace and by the reason of their condition `Ready`. */
export function policiesByReason(policies: readonly PolicyObject[]): Sample[] {
  const totals = new Totals();
  for (const policy of policies) {
    const ready = policy.status?.conditions?.find(({ type }) => type === 'Ready');
    const reason = ready?.reason ?? 'Pending';
    totals.add({ namespace: namespaceOf(policy), reason }, plusOne);
  }
  return totals.samples;
}
