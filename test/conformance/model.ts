// SPDX-License-Identifier: Apache-2.0
import type { Goal, Snapshot, WorkloadView, Write } from '@altershield/core';

/** One pod, as it is stored. */
export interface PodFact {
  readonly name: string;
  readonly uid: string;
  /** Tag of its image. */
  readonly tag: string;
  readonly isReady: boolean;
  readonly isTerminating: boolean;
}

/**
 * The native controllers of one kind with one workload, reduced to what release control relies on. The
 * model knows no operator: tests perform what the kind's adapter plans.
 */
export interface ControllerModel {
  /** The workload and what belongs to it, as stored at this moment. */
  snapshot(): Snapshot;
  view(): WorkloadView;
  pods(): readonly PodFact[];
  /** As the API server does it: a failed precondition changes nothing and is a conflict. */
  write(writes: readonly Write[], planned: Snapshot): Promise<'done' | 'conflict'>;
  /** Writes of the user: another revision, another number of replicas, another strategy. */
  apply(tag: string): Promise<void>;
  scale(replicas: number): Promise<void>;
  edit(strategy: object): Promise<void>;
  /** Controllers, kubelets and watches run for so long. */
  step(ms: number): Promise<void>;
  /** The spec as the user wants it: what it would be, had nobody else ever written it. */
  userSpec(): object;
  /** Perform what is planned for the goal, again and again, until it is reached. */
  reach(goal: Goal): Promise<void>;
}
