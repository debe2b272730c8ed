// SPDX-License-Identifier: Apache-2.0
import type { ChangePolicySpec, CheckResult, Evidence } from '@altershield/api';
import type { CreateFailure, PodView } from './pod-view.ts';

export interface PodHealthInput {
  /** Updated pods, with those that ended. */
  readonly updated: readonly PodView[];
  /** Stable pods to compare with, with those that ended. */
  readonly stable: readonly PodView[];
  /** Updated pods that the batch wants. */
  readonly target: number;
  readonly settings: ChangePolicySpec['checks']['podHealth'];
  /** Seconds within which a pod must be ready. */
  readonly readyDeadlineSeconds: number;
  readonly soakSeconds: number;
  /** When the batch was let out, or widened last. */
  readonly releasedAt: number;
  /** Whether the pods that are missing may be made by now. */
  readonly mayReleaseMore: boolean;
  readonly now: number;
  /** Up to when the pods are known: silence after that is no evidence. */
  readonly currentAsOf: number;
  /** When the change was seen: failures of older pods long before are not the change's. Default: no pod is older. */
  readonly seenAt?: number;
  /** Pods made before are as a user accepted them, whatever ails them. Default: none. */
  readonly overriddenBefore?: number;
  /** Why no more updated pods can be created now. */
  readonly createFailure?: CreateFailure | undefined;
  /** Why no more stable pods can be created now: the same failure is then not the change's. */
  readonly stableCreateFailure?: CreateFailure | undefined;
  /** Whether stable pods are still to go by themselves, so that the quota they use may come free. Default: no. */
  readonly mayFreeQuota?: boolean;
}

export interface CheckOutcome {
  readonly result: CheckResult;
  readonly unhealthy: number;
  /** When the answer may change although no pod does. */
  readonly dueAt?: number;
  /** It is due by the clock, and waits only for the pods to be heard of. */
  readonly needsPodListing?: true;
}

export const MAX_EVIDENCE = 5;

const MAX_TEXT = 512;
const MAX_MESSAGE = 1024;

/** A text of the server at a length that a record may have. */
export const truncate = (message: string): string => message.slice(0, MAX_TEXT);

export const result = (
  verdict: CheckResult['verdict'],
  reason: string,
  message: string,
  evidence: readonly Evidence[] = [],
): CheckResult => ({
  name: 'podHealth',
  verdict,
  reason,
  message: message.slice(0, MAX_MESSAGE),
  evidence: evidence.slice(0, MAX_EVIDENCE),
});

/** True for a pod that a user looked at and let pass. */
export const isAccepted = (
  { createdAt }: PodView,
  { overriddenBefore = 0 }: Pick<PodHealthInput, 'overriddenBefore'>,
): boolean => createdAt < overriddenBefore;

/** How soon to look again when a deadline is over and nothing was heard since. */
const RECHECK_MS = 5000;

/** Until then; if that is over, until more is heard of the pods. */
export const wait = (
  until: number,
  now: number,
): Pick<CheckOutcome, 'dueAt' | 'needsPodListing'> =>
  until > now ? { dueAt: until } : { dueAt: now + RECHECK_MS, needsPodListing: true };
