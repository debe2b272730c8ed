// SPDX-License-Identifier: Apache-2.0
import {
  batchName,
  isAnswered,
  isQuarantined,
  isTargetQuarantined,
  recentRollbacks,
  recordedHold,
  activePods,
  viewPod,
  withVerifiedAuthor,
  type Observation,
  type PodView,
  type Readings,
  type RevisionView,
  type Signing,
} from '@altershield/core';
import { keyOf, type Scheduler } from '@altershield/kube';
import type { ApprovalObject, ChangeObject, ChangePodObject, PodObject } from './objects.ts';
import type { Workload } from './kinds/followed-kind.ts';
import type { Rules } from './rules/rule-engine.ts';
import type { PodCacheVerifier } from './caches/pod-freshness/verifier.ts';
import type { ReadinessLossCounter } from './caches/readiness-losses.ts';
import type { RollbackRateLimiter } from './records/rollback-limiter.ts';
import {
  approvalsOf,
  changesOf,
  lastSequence,
  targetKey,
  workloadOf,
  type Caches,
} from './caches/caches.ts';

export interface GatherDeps {
  readonly caches: Caches;
  readonly signing: Signing;
  readonly readiness: ReadinessLossCounter;
  readonly verifier: Pick<PodCacheVerifier, 'currentAsOf'>;
  readonly rollbackLimiter: Pick<RollbackRateLimiter, 'recent'>;
  /** Limit of automatic rollbacks in the whole cluster. */
  readonly rollbacksPerHour: number;
  readonly scheduler: Pick<Scheduler, 'now'>;
  readonly rules: Pick<Rules, 'engine'>;
  /** What was read for the checks of a change, by the uid of its record. */
  readonly readingsOf: (uid: string) => Readings;
  /** Whether policies of a namespace have a default MetricSource. */
  readonly hasDefaultSource: (namespace: string) => boolean;
  /** When this process first saw the change, and whether it has yet to perform a goal for it. */
  readonly look: { readonly since: number; readonly isFirst: boolean };
}

/** The input of a decision, and the exact object to which its goal applies. */
export interface Gathered {
  readonly observation: Observation;
  readonly subject: Workload | undefined;
}

/** Reads the input of a decision about this change, from memory only. */
export function gather(change: ChangeObject, deps: GatherDeps): Gathered {
  const subject = workloadOf(deps.caches, targetKey(change));
  return { observation: observe(change, subject, deps), subject };
}

function observe(
  change: ChangeObject,
  subject: Workload | undefined,
  deps: GatherDeps,
): Observation {
  const { caches } = deps;
  const now = deps.scheduler.now();
  const changes = changesOf(caches, targetKey(change));
  const approvals = approvalsOn(change, deps);
  return {
    ...{ now, since: deps.look.since, isFirstLook: deps.look.isFirst },
    currentAsOf: currentAsOf(subject, deps),
    change,
    approvals,
    batch: batchOf(change, caches),
    readings: deps.readingsOf(change.metadata.uid),
    ...{ object: subject?.object, ruleEngine: deps.rules.engine },
    hasDefaultSource: deps.hasDefaultSource(change.spec.policy.namespace),
    ...observeWorkload(change, { subject, changes }, deps),
    newest: lastSequence(changes),
    recentRollbacks: recentRollbacks(change, changes, now),
    clusterRollbacks: {
      recent: deps.rollbackLimiter.recent(now, change.metadata.uid),
      allowed: deps.rollbacksPerHour,
    },
    isQuarantined: isQuarantined(change, changes, now),
    // Only a decision of a user depends on it.
    isTargetQuarantined:
      approvals.some((each) => !isAnswered(each)) && isTargetQuarantined(change, changes, now),
  };
}

function batchOf(
  { metadata: { namespace = '', name }, status }: ChangeObject,
  { batches }: Caches,
): ChangePodObject | undefined {
  const index = status?.batch?.index;
  return index === undefined ? undefined : batches.get({ namespace, name: batchName(name, index) });
}

/** The workload with its pods, by revision, from one snapshot of the caches. */
function observeWorkload(
  change: ChangeObject,
  {
    subject,
    changes,
  }: { readonly subject: Workload | undefined; readonly changes: readonly ChangeObject[] },
  deps: GatherDeps,
): Pick<Observation, 'workload' | 'updated' | 'stable' | 'evidence'> {
  const { from, to } = change.spec;
  const { view: workload, pods } = subject?.kind.observe(
    subject.object,
    recordedHold(change, changes),
  ) ?? { pods: [] };
  const keys = keysOf(workload?.revisions ?? []);
  const viewed = pods.map(({ pod, revision }) => ({
    fingerprint: keys.get(revision) ?? '',
    view: viewOf(pod, deps),
  }));
  const viewsOf = (isWanted: (fingerprint: string) => boolean): PodView[] =>
    viewed.filter(({ fingerprint }) => isWanted(fingerprint)).map(({ view }) => view);
  const updated = viewsOf((fingerprint) => fingerprint === to.fingerprint);
  const stable = viewsOf((fingerprint) => fingerprint !== to.fingerprint);
  return {
    workload,
    updated: activePods(updated),
    stable: activePods(stable),
    evidence: {
      updated,
      stable:
        from === undefined ? stable : viewsOf((fingerprint) => fingerprint === from.fingerprint),
    },
  };
}

const approvalsOn = (change: ChangeObject, { caches, signing }: GatherDeps): ApprovalObject[] =>
  approvalsOf(caches, keyOf(change), change.metadata.uid).map((approval) =>
    withVerifiedAuthor(approval, signing.sign),
  );

/** Up to when the pod cache is complete, by the watches or by a check against the server. */
const currentAsOf = (subject: Workload | undefined, { verifier, scheduler }: GatherDeps): number =>
  subject === undefined
    ? scheduler.now()
    : Math.max(subject.kind.currentAsOf, verifier.currentAsOf(subject.object.metadata.uid));

const viewOf = (pod: PodObject, { readiness }: GatherDeps): PodView => {
  const { uid } = pod.metadata;
  return viewPod(pod, readiness.lossesOf(uid), readiness.observationsOf(uid));
};

/** Fingerprints by revision uid and name: pods may refer to a revision by either. */
const keysOf = (revisions: readonly RevisionView[]): ReadonlyMap<string, string> =>
  new Map(
    revisions.flatMap(({ uid, name, fingerprint }) => [
      [uid, fingerprint] as const,
      [name, fingerprint] as const,
    ]),
  );
