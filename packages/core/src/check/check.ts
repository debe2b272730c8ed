// SPDX-License-Identifier: Apache-2.0
import type { ChangePolicySpec } from '@altershield/api';
import type { RuleEngine } from '../policy/rule-engine.ts';
import type { CheckOutcome, PodHealthInput } from './finding.ts';
import type { Readings } from './request.ts';
import type { RunView } from './run.ts';

/** The change and the batch that a check judges. */
export interface CheckedBatch {
  readonly namespace: string;
  /** The workload. */
  readonly kind: string;
  readonly workload: string;
  /** Name of the ChangeWorkload. */
  readonly change: string;
  /** Number of the batch, from 1, and of all batches. */
  readonly batch: number;
  readonly total: number;
  /** When the change was detected; milliseconds since the epoch. */
  readonly detectedAt: number;
}

/** All that a check may look at: plain data, gathered beforehand. */
export interface CheckInput {
  readonly checked: CheckedBatch;
  readonly settings: ChangePolicySpec['checks'];
  /** The pods, and the times that apply to them. */
  readonly pods: PodHealthInput;
  /** Pods run to completion; `run` is the newest run. The last step is judged by its end. */
  readonly completion?: { readonly run?: RunView; readonly isLast: boolean };
  /** There is a default MetricSource for the workload's namespace. */
  readonly hasDefaultSource: boolean;
  /** What was read from outside for this batch. */
  readonly readings: Readings;
  /** The workload as it is. */
  readonly object?: unknown;
  /** Set where the policy has rules. */
  readonly ruleEngine?: RuleEngine | undefined;
  /**
   * A user lets the batch go on whatever its checks say: only the state of its pods counts.
   */
  readonly isOverridden: boolean;
}

/**
 * One question about a batch. A check never waits and never throws: what it needs from outside, it
 * asks for in its outcome, and finds in the readings when it is evaluated again.
 */
export interface Check {
  /** Unique in the policy; `status.checks[].name` of the ChangePod. */
  readonly name: string;
  /** False: the outcome is recorded and changes nothing. */
  readonly isRequired: boolean;
  evaluate(input: CheckInput): CheckOutcome;
}

/** The checks of one kind that a policy asks for. */
export type ChecksOf = (input: CheckInput) => readonly Check[];
