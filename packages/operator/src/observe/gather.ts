// SPDX-License-Identifier: Apache-2.0
import {
  contentOf,
  isWayBack,
  running,
  viewPod,
  withProvenDecision,
  type Observation,
  type PodView,
  type RevisionView,
  type Tools,
} from '@altershield/core';
import type { Scheduler } from '@altershield/kube';
import { batchName } from '../actions/names.ts';
import type { ChangeObject } from '../kinds.ts';
import type { Workload } from './followed-kind.ts';
import type { Hearings } from './hearings.ts';
import type { ReadinessLog } from './readiness.ts';
import type { Refusals } from './refusals.ts';
import { countsUntil, type ClusterRollbacks } from './rollbacks.ts';
import { changesOf, lastNumber, targetKey, workloadOf, type World } from './world.ts';

export interface GatherDeps {
  readonly world: World;
  readonly tools: Tools;
  readonly readiness: ReadinessLog;
  readonly refusals: Refusals;
  readonly hearings: Pick<Hearings, 'heardAt'>;
  readonly clusterRollbacks: Pick<ClusterRollbacks, 'recent'>;
  /** Automatic rollbacks that the whole cluster may have. */
  readonly rollbacksPerHour: number;
  readonly scheduler: Pick<Scheduler, 'now'>;
  /** Since when this process looks at the change, and whether it is yet to write for it. */
  readonly look: { readonly since: number; readonly isFirst: boolean };
}

/** What a decision is about, and the very object that its action is for. */
export interface Sight {
  readonly observation: Observation;
  readonly subject: Workload | undefined;
}

/** Reads everything that a decision about this change may look at, from memory. */
export function gather(change: ChangeObject, deps: GatherDeps): Sight {
  const subject = workloadOf(deps.world, targetKey(change));
  return { observation: observe(change, subject, deps), subject };
}

function observe(
  change: ChangeObject,
  subject: Workload | undefined,
  deps: GatherDeps,
): Observation {
  const { world, tools, scheduler } = deps;
  const { namespace = '', name } = change.metadata;
  const { to, from } = change.spec;
  const workload = subject?.kind.view(subject.object);
  const index = change.status?.batch?.index;
  const batch =
    index === undefined
      ? undefined
      : world.batches.get({ namespace, name: batchName(name, index) });
  const all = subject === undefined ? [] : podsOf(subject, deps);
  const keys = keysOf(workload?.revisions ?? []);
  const fingerprintOf = ({ revision }: PodOfRevision): string => keys.get(revision) ?? '';
  const viewsOf = (pods: readonly PodOfRevision[]): PodView[] => pods.map(({ view }) => view);
  const fresh = viewsOf(all.filter((pod) => fingerprintOf(pod) === to.fingerprint));
  const stable = viewsOf(all.filter((pod) => fingerprintOf(pod) !== to.fingerprint));
  return {
    now: scheduler.now(),
    since: deps.look.since,
    isFirstLook: deps.look.isFirst,
    heardAt: heardAt(subject, deps),
    change: withProvenDecision(change, tools.sign),
    batch,
    workload,
    fresh: running(fresh),
    stable: running(stable),
    evidence: {
      fresh,
      stable:
        from === undefined
          ? stable
          : viewsOf(all.filter((pod) => fingerprintOf(pod) === from.fingerprint)),
    },
    newest: lastNumber(changesOf(world, targetKey(change))),
    recentRollbacks: recentRollbacks(change, deps),
    clusterRollbacks: {
      recent: deps.clusterRollbacks.recent(scheduler.now(), change.metadata.uid),
      allowed: deps.rollbacksPerHour,
    },
    refused: isRefusedBefore(change, deps),
    isBackRefused: isBackRefused(change, deps),
  };
}

/** Up to when its pods are known: by the watches, or by the server's own word. */
const heardAt = (subject: Workload | undefined, { hearings, scheduler }: GatherDeps): number =>
  subject === undefined
    ? scheduler.now()
    : Math.max(subject.kind.heardAt, hearings.heardAt(subject.object.metadata.uid));

interface PodOfRevision {
  readonly revision: string;
  readonly view: PodView;
}

const podsOf = ({ kind, object }: Workload, { readiness }: GatherDeps): PodOfRevision[] =>
  kind.pods(object).map(({ pod, revision }) => {
    const { uid } = pod.metadata;
    return { revision, view: viewPod(pod, readiness.of(uid), readiness.sightsOf(uid)) };
  });

/** Fingerprints by what names a revision on its pods. */
const keysOf = (revisions: readonly RevisionView[]): ReadonlyMap<string, string> =>
  new Map(
    revisions.flatMap(({ uid, name, fingerprint }) => [
      [uid, fingerprint] as const,
      [name, fingerprint] as const,
    ]),
  );

function recentRollbacks(change: ChangeObject, { world, scheduler }: GatherDeps): number {
  const { uid } = change.metadata;
  return changesOf(world, targetKey(change)).filter(
    (other) => other.metadata.uid !== uid && countsUntil(other) > scheduler.now(),
  ).length;
}

/** Refused since it was proven good last: one that ran well in spite of a refusal is a way back. */
function isBackRefused(change: ChangeObject, { world, refusals }: GatherDeps): boolean {
  const { spec } = change;
  const { from, target } = spec;
  const workload = targetKey(change);
  // Only a person's word asks for it.
  if (from === undefined || spec.decision === undefined) return false;
  if (refusals.find(workload, from.quarantineKey) === undefined) return false;
  const { uid } = target;
  const template = contentOf(from);
  return !isWayBack(changesOf(world, workload), { uid, template, running: template });
}

function isRefusedBefore(change: ChangeObject, { refusals }: GatherDeps): boolean {
  const { uid } = change.metadata;
  const by = refusals.find(targetKey(change), change.spec.to.quarantineKey);
  return by !== undefined && by.metadata.uid !== uid;
}
