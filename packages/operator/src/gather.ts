// SPDX-License-Identifier: Apache-2.0
import {
  batchName,
  contentOf,
  isRevert,
  activePods,
  viewPod,
  withVerifiedDecision,
  type Observation,
  type PodView,
  type RevisionView,
  type Signing,
} from '@altershield/core';
import type { Scheduler } from '@altershield/kube';
import type { ChangeObject } from './objects.ts';
import type { Workload } from './kinds/followed-kind.ts';
import type { PodCacheVerifier } from './caches/pod-freshness/verifier.ts';
import type { ReadinessLossCounter } from './caches/readiness-losses.ts';
import type { Quarantines } from './records/quarantines.ts';
import { windowEndsAt, type RollbackRateLimiter } from './records/rollback-limiter.ts';
import { changesOf, lastSequence, targetKey, workloadOf, type Caches } from './caches/caches.ts';

export interface GatherDeps {
  readonly caches: Caches;
  readonly signing: Signing;
  readonly readiness: ReadinessLossCounter;
  readonly quarantines: Quarantines;
  readonly verifier: Pick<PodCacheVerifier, 'currentAsOf'>;
  readonly rollbackLimiter: Pick<RollbackRateLimiter, 'recent'>;
  /** Limit of automatic rollbacks in the whole cluster. */
  readonly rollbacksPerHour: number;
  readonly scheduler: Pick<Scheduler, 'now'>;
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
  const { caches, signing, scheduler } = deps;
  const { namespace = '', name } = change.metadata;
  const { to, from } = change.spec;
  const workload = subject?.kind.view(subject.object);
  const index = change.status?.batch?.index;
  const batch =
    index === undefined
      ? undefined
      : caches.batches.get({ namespace, name: batchName(name, index) });
  const all = subject === undefined ? [] : podsOf(subject, deps);
  const keys = keysOf(workload?.revisions ?? []);
  const fingerprintOf = ({ revision }: PodOfRevision): string => keys.get(revision) ?? '';
  const viewsOf = (pods: readonly PodOfRevision[]): PodView[] => pods.map(({ view }) => view);
  const updated = viewsOf(all.filter((pod) => fingerprintOf(pod) === to.fingerprint));
  const stable = viewsOf(all.filter((pod) => fingerprintOf(pod) !== to.fingerprint));
  return {
    now: scheduler.now(),
    since: deps.look.since,
    isFirstLook: deps.look.isFirst,
    currentAsOf: currentAsOf(subject, deps),
    change: withVerifiedDecision(change, signing.sign),
    batch,
    workload,
    updated: activePods(updated),
    stable: activePods(stable),
    evidence: {
      updated,
      stable:
        from === undefined
          ? stable
          : viewsOf(all.filter((pod) => fingerprintOf(pod) === from.fingerprint)),
    },
    newest: lastSequence(changesOf(caches, targetKey(change))),
    recentRollbacks: recentRollbacks(change, deps),
    clusterRollbacks: {
      recent: deps.rollbackLimiter.recent(scheduler.now(), change.metadata.uid),
      allowed: deps.rollbacksPerHour,
    },
    isQuarantined: wasQuarantined(change, deps),
    isTargetQuarantined: isTargetQuarantined(change, deps),
  };
}

/** Up to when the pod cache is complete, by the watches or by a check against the server. */
const currentAsOf = (subject: Workload | undefined, { verifier, scheduler }: GatherDeps): number =>
  subject === undefined
    ? scheduler.now()
    : Math.max(subject.kind.currentAsOf, verifier.currentAsOf(subject.object.metadata.uid));

interface PodOfRevision {
  readonly revision: string;
  readonly view: PodView;
}

const podsOf = ({ kind, object }: Workload, { readiness }: GatherDeps): PodOfRevision[] =>
  kind.pods(object).map(({ pod, revision }) => {
    const { uid } = pod.metadata;
    return { revision, view: viewPod(pod, readiness.lossesOf(uid), readiness.observationsOf(uid)) };
  });

/** Fingerprints by revision uid and name: pods may refer to a revision by either. */
const keysOf = (revisions: readonly RevisionView[]): ReadonlyMap<string, string> =>
  new Map(
    revisions.flatMap(({ uid, name, fingerprint }) => [
      [uid, fingerprint] as const,
      [name, fingerprint] as const,
    ]),
  );

function recentRollbacks(change: ChangeObject, { caches, scheduler }: GatherDeps): number {
  const { uid } = change.metadata;
  return changesOf(caches, targetKey(change)).filter(
    (other) => other.metadata.uid !== uid && windowEndsAt(other) > scheduler.now(),
  ).length;
}

/**
 * True if the rollback target was quarantined after its last verification. A target that was
 * verified after the quarantine remains valid.
 */
function isTargetQuarantined(change: ChangeObject, { caches, quarantines }: GatherDeps): boolean {
  const { spec } = change;
  const { from, target } = spec;
  const workload = targetKey(change);
  // Only a decision of a user depends on it.
  if (from === undefined || spec.decision === undefined) return false;
  if (quarantines.find(workload, from.quarantineKey) === undefined) return false;
  const { uid } = target;
  const template = contentOf(from);
  return !isRevert(changesOf(caches, workload), { uid, template, running: template });
}

function wasQuarantined(change: ChangeObject, { quarantines }: GatherDeps): boolean {
  const { uid } = change.metadata;
  const by = quarantines.find(targetKey(change), change.spec.to.quarantineKey);
  return by !== undefined && by.metadata.uid !== uid;
}
