// SPDX-License-Identifier: Apache-2.0
import { statusOf, type Decision } from '@altershield/core';
import type { InformerEvent, Metrics, Scheduler } from '@altershield/kube';
import { Registry } from 'prom-client';
import type { ChangePodObject, ChangeObject } from '../objects.ts';
import { workloadKeyString } from '../kinds/followed-kind.ts';
import { BY_TARGET, targetKey, type Caches } from '../caches/caches.ts';
import { createChangeSeries, type ChangeSeries, type ChangeStates } from './change-series.ts';
import {
  changesInFlight,
  longestWaits,
  policiesByReason,
  quarantinedRevisions,
  waitingChanges,
} from './change-state.ts';
import { actionOnEvidence, changeTransition, newVerdicts } from './change-transition.ts';

type Observed = Pick<Caches, 'changes' | 'batches' | 'policies'>;

export interface ChangeMetricsOptions {
  readonly scheduler: Pick<Scheduler, 'now' | 'elapsed'>;
  /** Default: a registry that is not exposed. */
  readonly metrics?: Pick<Metrics, 'registry'> | undefined;
}

interface Evidence {
  readonly action: 'RollBack' | 'Suspend';
  readonly at: number;
}

/**
 * Metrics about changes. Only the leader reports: the caches of all replicas contain the same
 * changes, so sums over replicas would be wrong.
 */
export class ChangeMetrics {
  readonly #caches: Observed;
  readonly #scheduler: ChangeMetricsOptions['scheduler'];
  readonly #series: ChangeSeries;
  /** Evidence whose action is decided but not performed yet, by the uid of the change. */
  readonly #pending = new Map<string, Evidence>();
  #isLeading = false;

  constructor(caches: Observed, { scheduler, metrics }: ChangeMetricsOptions) {
    this.#caches = caches;
    this.#scheduler = scheduler;
    this.#series = createChangeSeries(metrics?.registry ?? new Registry(), this.#states());
    caches.changes.onEvent((event) => {
      this.#onChange(event);
    });
    caches.batches.onEvent((event) => {
      this.#onBatch(event);
    });
  }

  /** Reports as long as `lead` runs. */
  async whileLeading(lead: () => Promise<void>): Promise<void> {
    this.#isLeading = true;
    // `increase` in Prometheus misses the first event of a counter that does not start at 0.
    for (const { metadata } of this.#caches.changes.list()) {
      this.#series.openNamespace(metadata.namespace ?? '');
    }
    try {
      await lead();
    } finally {
      this.#isLeading = false;
      this.#pending.clear();
    }
  }

  /**
   * Call after a decision was recorded.
   * @param wokenAt when the event that led to it arrived, in `elapsed` milliseconds
   */
  decided(change: ChangeObject, { status, goal }: Decision, wokenAt: number): void {
    const action = actionOnEvidence(statusOf(change), status);
    if (action === undefined) return;
    const evidence = { action, at: wokenAt };
    if (goal === undefined) this.#acted(evidence);
    else this.#pending.set(change.metadata.uid, evidence);
  }

  /** Call after the decided writes for the change were made. */
  acted({ metadata: { uid } }: ChangeObject): void {
    const evidence = this.#pending.get(uid);
    if (evidence !== undefined) this.#acted(evidence);
    this.#pending.delete(uid);
  }

  #acted({ action, at }: Evidence): void {
    this.#series.acted(action, (this.#scheduler.elapsed() - at) / 1000);
  }

  #onChange({ type, object, old, initial }: InformerEvent<ChangeObject>): void {
    if (type === 'Deleted') this.#pending.delete(object.metadata.uid);
    if (!this.#isLeading || initial || type === 'Deleted' || !this.#isOurs(object)) return;
    const namespace = object.metadata.namespace ?? '';
    if (type === 'Added') this.#series.detected(namespace, object.spec.detectedBy);
    this.#series.moved(namespace, changeTransition(old, object));
  }

  #onBatch({ type, object, old, initial }: InformerEvent<ChangePodObject>): void {
    if (!this.#isLeading || initial || type === 'Deleted') return;
    for (const verdict of newVerdicts(old, object)) this.#series.judged(verdict);
  }

  /** The index `BY_TARGET` contains only records that the operator signed. */
  #isOurs(object: ChangeObject): boolean {
    const ours = this.#caches.changes.byIndex(BY_TARGET, workloadKeyString(targetKey(object)));
    return ours.some((change) => change.metadata.uid === object.metadata.uid);
  }

  /** The signed records; none while another replica leads. */
  #changes(): ChangeObject[] {
    if (!this.#isLeading) return [];
    return this.#caches.changes.list().filter((change) => this.#isOurs(change));
  }

  #states(): ChangeStates {
    const now = (): number => this.#scheduler.now();
    return {
      inFlight: () => changesInFlight(this.#changes()),
      waiting: () => waitingChanges(this.#changes()),
      longestWaits: () => longestWaits(this.#changes(), now()),
      quarantined: () => quarantinedRevisions(this.#changes(), now()),
      policies: () => policiesByReason(this.#isLeading ? this.#caches.policies.list() : []),
    };
  }
}
