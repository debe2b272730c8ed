// SPDX-License-Identifier: Apache-2.0
import type { ChangePolicySpec, CheckResult, Evidence } from '@altershield/api';
import type { CreateFailure, PodView } from './pod-view.ts';
import { MAX_EVIDENCE } from './limits.ts';
import type { CheckRequest } from './request.ts';

export interface PodHealthInput {
  /** Updated pods, including terminated ones. */
  readonly updated: readonly PodView[];
  /** Stable pods to compare with, including terminated ones. */
  readonly stable: readonly PodView[];
  /** Updated pods that the batch requires. */
  readonly target: number;
  readonly settings: ChangePolicySpec['checks']['podHealth'];
  /** Seconds within which a pod must become ready. */
  readonly readyDeadlineSeconds: number;
  readonly soakSeconds: number;
  /** The soak starts no earlier; milliseconds since the epoch. Default: once the pods are ready. */
  readonly soaksFrom?: number;
  /** When the batch was released, or last extended. */
  readonly releasedAt: number;
  /** Whether the controller may already create the missing pods. */
  readonly mayReleaseMore: boolean;
  /** Since when it may, where that is later than the release. */
  readonly missingSince?: number | undefined;
  readonly now: number;
  /** The time up to which the pod cache is current: missing events after it are not evidence. */
  readonly currentAsOf: number;
  /**
   * When the change was detected: earlier failures of older pods do not count against it. Default:
   * no pod is older.
   */
  readonly seenAt?: number;
  /** Pods created before this time are accepted by a user despite any failure. Default: none. */
  readonly overriddenBefore?: number;
  /** Why no more updated pods can be created now. */
  readonly createFailure?: CreateFailure | undefined;
  /**
   * Why no more stable pods can be created now: the change did not cause a failure that both share.
   */
  readonly stableCreateFailure?: CreateFailure | undefined;
  /** A pod that is unready for far longer than stable pods needed is evidence before its deadline. */
  readonly judgesSlowPods?: boolean;
  /** Whether stable pods will still be removed, which may free quota. Default: no. */
  readonly mayFreeQuota?: boolean;
}

export interface CheckOutcome {
  readonly result: CheckResult;
  readonly unhealthy: number;
  /** When the outcome may change without a pod event. */
  readonly dueAt?: number;
  /** The deadline has passed, and the outcome waits only for newer pod data. */
  readonly needsPodListing?: true;
  /** While Pending with ready pods: when it passes if nothing changes. */
  readonly passesAt?: number;
  /** What must be read from outside before the check can say more. */
  readonly requests?: readonly CheckRequest[];
  /** Results of the checks that did not decide. */
  readonly others?: readonly CheckResult[];
}

const MAX_TEXT = 512;
const MAX_MESSAGE = 1024;

/** Truncates a server message to the length that a record allows. */
export const truncate = (message: string): string => message.slice(0, MAX_TEXT);

/** A result of the check `podHealth`. */
export const result = (
  verdict: CheckResult['verdict'],
  reason: string,
  message: string,
  evidence: readonly Evidence[] = [],
): CheckResult => resultOf('podHealth', { verdict, reason, message, evidence });

/** A result within the bounds of a record. */
export const resultOf = (
  name: string,
  {
    verdict,
    reason,
    message,
    evidence = [],
  }: Omit<CheckResult, 'name' | 'evidence'> & Partial<Pick<CheckResult, 'evidence'>>,
): CheckResult => ({
  name,
  verdict,
  reason,
  message: message.slice(0, MAX_MESSAGE),
  evidence: evidence.slice(0, MAX_EVIDENCE),
});

/** True for a pod that a user accepted by resuming the change. */
export const isAccepted = (
  { createdAt }: PodView,
  { overriddenBefore = 0 }: Pick<PodHealthInput, 'overriddenBefore'>,
): boolean => createdAt < overriddenBefore;

/** How soon to check again when a deadline has passed but the pod data is older. */
const RECHECK_MS = 5000;

/** Waits until the deadline; once it has passed, waits for newer pod data. */
export const wait = (
  until: number,
  now: number,
): Pick<CheckOutcome, 'dueAt' | 'needsPodListing'> =>
  until > now ? { dueAt: until } : { dueAt: now + RECHECK_MS, needsPodListing: true };
