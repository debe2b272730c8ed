// SPDX-License-Identifier: Apache-2.0
import type { CheckReason, Evidence } from '@altershield/api';
import type { CreateFailure } from './pod-view.ts';
import type { Condition } from '../json/objects.ts';
import { truncate, result, type CheckOutcome, type PodHealthInput } from './finding.ts';
import { activePods } from './observe-pod.ts';

type Conditions = readonly Condition[];

/**
 * Why the ReplicaSet controller cannot create pods, from a condition that it removes on success.
 */
export function podCreateFailure(conditions: Conditions = []): CreateFailure | undefined {
  const failure = conditions.find(({ type, status, reason }) => {
    return type === 'ReplicaFailure' && status === 'True' && reason === 'FailedCreate';
  });
  return failure && createFailure(failure, failure.lastTransitionTime);
}

/** Why the Deployment controller cannot create the ReplicaSet of the newest template. */
export function replicaSetCreateFailure({
  conditions = [],
}: { readonly conditions?: Conditions } = {}): CreateFailure | undefined {
  const failure = conditions.find(({ type, status, reason }) => {
    return type === 'Progressing' && status === 'False' && reason === 'ReplicaSetCreateError';
  });
  return failure && createFailure(failure, failure.lastUpdateTime);
}

const createFailure = (
  { reason = '', message = '' }: { readonly reason?: string; readonly message?: string },
  time: string | undefined,
): CreateFailure => ({ reason, message, since: time === undefined ? 0 : Date.parse(time) });

interface ChangedRevisions {
  readonly to: { readonly fingerprint: string };
  readonly from?: { readonly fingerprint: string } | undefined;
  readonly detectedAt: string;
}

type RevisionOf = { readonly fingerprint: string; readonly createFailure?: CreateFailure };

/** Known create failures of a workload's pods. */
interface Creating {
  readonly revisions: readonly RevisionOf[];
  readonly createFailure?: CreateFailure;
}

/**
 * Why pods of the change, or of the rollback target, cannot be created. A ReplicaSet that cannot be
 * created has no view: its failure counts unless it belongs to an earlier template.
 */
export function createFailures(
  { to, from, detectedAt }: ChangedRevisions,
  { revisions, createFailure: ofReplicaSet }: Creating,
): Pick<PodHealthInput, 'createFailure' | 'stableCreateFailure'> {
  const ofPods = (fingerprint: string | undefined): RevisionOf[] =>
    revisions.filter((r) => r.fingerprint === fingerprint);
  const updated = ofPods(to.fingerprint);
  const seconds = Math.floor(Date.parse(detectedAt) / 1000);
  const isCurrent = updated.length === 0 && (ofReplicaSet?.since ?? 0) >= seconds * 1000;
  return {
    createFailure: isCurrent ? ofReplicaSet : failureAmong(updated),
    stableCreateFailure: failureAmong(ofPods(from?.fingerprint)),
  };
}

const failureAmong = (revisions: readonly RevisionOf[]): CreateFailure | undefined =>
  revisions.find((r) => r.createFailure !== undefined)?.createFailure;

/**
 * Classifies an API server message about the template. `Forbidden`: its pods are denied or invalid;
 * `Missing`: an object that it names does not exist yet; `Quota`: the namespace is full;
 * `Transient`: anything else, such as an unreachable webhook.
 */
export type CreateFailureKind = 'Forbidden' | 'Missing' | 'Quota' | 'Transient';

/** AlterShield's own policy and webhooks hold a ReplicaSet: never evidence against the change. */
const OWN_DENIAL = /(policy|binding|webhook) ["'][^"']*altershield/i;

const QUOTA = /exceeded quota|insufficient quota/;

/**
 * Denials that are unrelated to the object: admission is starting, or the controller lacks
 * permission.
 */
const NOT_OF_THE_OBJECT =
  /not yet ready to handle request|status unknown for quota|is forbidden: User |being terminated/;

const MISSING =
  /error looking up service account|no PriorityClass with name|RuntimeClass .*not found/;

const FORBIDDEN = / is forbidden: |denied the request|denied request| is invalid: /;

export function createFailureKind(message: string): CreateFailureKind {
  if (OWN_DENIAL.test(message)) return 'Transient';
  if (QUOTA.test(message)) return 'Quota';
  if (NOT_OF_THE_OBJECT.test(message)) return 'Transient';
  if (MISSING.test(message)) return 'Missing';
  return FORBIDDEN.test(message) ? 'Forbidden' : 'Transient';
}

/**
 * How long an object that the template names may be missing: it may be applied after the
 * Deployment. The ReplicaSet controller retries after 20 and after 40 s.
 */
const MISSING_GRACE_MS = 60_000;

/**
 * Judges missing pods that cannot be created; undefined: wait for them as usual.
 *
 * @param progress how many pods are ready, for the message
 */
export function judgeCreateFailure(
  progress: string,
  input: PodHealthInput,
): CheckOutcome | undefined {
  const failure = openFailure(input);
  if (failure === undefined) return undefined;
  switch (createFailureKind(failure.message)) {
    case 'Quota':
      return input.mayFreeQuota === true
        ? undefined
        : conclude(
            'Inconclusive',
            'QuotaExceeded' satisfies CheckReason,
            explain(progress, failure),
            failure,
          );
    case 'Missing':
      return input.currentAsOf >= failure.since + MISSING_GRACE_MS
        ? forbidden(progress, failure, input)
        : undefined;
    case 'Forbidden':
      return forbidden(progress, failure, input);
    case 'Transient':
      return undefined;
  }
}

/** When a failure that may be transient becomes evidence. */
export function createDeadlines(input: PodHealthInput): readonly number[] {
  const failure = openFailure(input);
  const mayPass = failure !== undefined && createFailureKind(failure.message) === 'Missing';
  return mayPass ? [failure.since + MISSING_GRACE_MS] : [];
}

/**
 * The create failure while pods of the batch are missing, unless a user saw it and resumed the
 * change.
 */
function openFailure({
  createFailure: failure,
  overriddenBefore = 0,
  updated,
  target,
}: PodHealthInput) {
  const isMissing = activePods(updated).length < target;
  return isMissing && (failure?.since ?? 0) >= overriddenBefore ? failure : undefined;
}

function forbidden(
  progress: string,
  failure: CreateFailure,
  { stableCreateFailure: stable }: PodHealthInput,
): CheckOutcome {
  const why = explain(progress, failure);
  // If a quota blocks stable pods, their failure says nothing about the template.
  const isShared = stable !== undefined && createFailureKind(stable.message) !== 'Quota';
  return isShared
    ? conclude(
        'Inconclusive',
        failure.reason,
        `${why}; stable pods cannot be created either`,
        failure,
      )
    : conclude('Fail', failure.reason, why, failure);
}

/** The message for missing pods when the API server says why they cannot be created. */
export const explain = (progress: string, { message }: CreateFailure): string =>
  `${progress}; the others cannot be created: ${truncate(message)}`;

function conclude(
  verdict: 'Fail' | 'Inconclusive',
  reason: string,
  message: string,
  failure: CreateFailure,
): CheckOutcome {
  return { unhealthy: 0, result: result(verdict, reason, message, [createEvidence(failure)]) };
}

export const createEvidence = ({ reason, message }: CreateFailure): Evidence => ({
  reason,
  message: truncate(message),
});
