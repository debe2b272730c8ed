// SPDX-License-Identifier: Apache-2.0
import {
  isLeaving,
  isWayBack,
  running,
  viewDeployment,
  viewPod,
  withProvenDecision,
  type Observation,
  type PodView,
  type Tools,
  type WorkloadView,
} from '@altershield/core';
import type { Scheduler } from '@altershield/kube';
import { batchName } from '../actions/names.ts';
import type { ChangeObject, DeploymentObject, ReplicaSetObject } from '../kinds.ts';
import type { Hearings } from './hearings.ts';
import type { ReadinessLog } from './readiness.ts';
import type { Refusals } from './refusals.ts';
import { countsUntil, type ClusterRollbacks } from './rollbacks.ts';
import { BY_OWNER, changesOf, lastNumber, revisionsOf, type World } from './world.ts';

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
  readonly deployment: DeploymentObject | undefined;
}

/** Reads everything that a decision about this change may look at, from memory. */
export function gather(change: ChangeObject, deps: GatherDeps): Sight {
  const { namespace = '' } = change.metadata;
  const deployment = deps.world.deployments.get({ namespace, name: change.spec.target.name });
  return { observation: observe(change, deployment, deps), deployment };
}

function observe(
  change: ChangeObject,
  deployment: DeploymentObject | undefined,
  deps: GatherDeps,
): Observation {
  const { world, tools, scheduler } = deps;
  const { namespace = '', name } = change.metadata;
  const { to, from } = change.spec;
  const revisions = deployment === undefined ? [] : revisionsOf(world, deployment.metadata.uid);
  const workload: WorkloadView | undefined =
    deployment === undefined
      ? undefined
      : {
          ...viewDeployment(deployment, revisions, tools),
          ownership: deployment.ownership,
        };
  const isOf = ({ spec }: ReplicaSetObject, fingerprint: string): boolean =>
    spec.template !== undefined && tools.fingerprintOf(spec.template) === fingerprint;
  const ofRevision = (fingerprint: string): ReplicaSetObject[] =>
    revisions.filter((rs) => isOf(rs, fingerprint));
  const index = change.status?.batch?.index;
  const batch =
    index === undefined
      ? undefined
      : world.batches.get({ namespace, name: batchName(name, index) });
  const fresh = podsOf(ofRevision(to.fingerprint), deps);
  const stable = podsOf(
    revisions.filter((rs) => !isOf(rs, to.fingerprint)),
    deps,
  );
  return {
    now: scheduler.now(),
    since: deps.look.since,
    isFirstLook: deps.look.isFirst,
    heardAt: heardAt(deployment, deps),
    change: withProvenDecision(change, tools.sign),
    batch,
    workload,
    fresh: running(fresh),
    stable: running(stable),
    evidence: {
      fresh,
      stable: from === undefined ? stable : podsOf(ofRevision(from.fingerprint), deps),
    },
    newest: lastNumber(changesOf(world, namespace, change.spec.target.name)),
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
const heardAt = (
  deployment: DeploymentObject | undefined,
  { world, hearings }: GatherDeps,
): number =>
  Math.max(
    Math.min(world.pods.heardAt, world.replicaSets.heardAt),
    deployment === undefined ? 0 : hearings.heardAt(deployment.metadata.uid),
  );

const podsOf = (revisions: readonly ReplicaSetObject[], deps: GatherDeps): PodView[] =>
  revisions
    .flatMap(({ metadata }) => deps.world.pods.byIndex(BY_OWNER, metadata.uid))
    .filter((pod) => !isLeaving(pod))
    .map((pod) => {
      const { uid } = pod.metadata;
      return viewPod(pod, deps.readiness.of(uid), deps.readiness.sightsOf(uid));
    });

function recentRollbacks(change: ChangeObject, { world, scheduler }: GatherDeps): number {
  const { namespace = '', uid } = change.metadata;
  return changesOf(world, namespace, change.spec.target.name).filter(
    (other) => other.metadata.uid !== uid && countsUntil(other) > scheduler.now(),
  ).length;
}

/** Refused since it was proven good last: one that ran well in spite of a refusal is a way back. */
function isBackRefused({ metadata, spec }: ChangeObject, { world, refusals }: GatherDeps): boolean {
  const { namespace = '' } = metadata;
  const { from, target } = spec;
  // Only a person's word asks for it.
  if (from === undefined || spec.decision === undefined) return false;
  if (refusals.find(namespace, target.name, from.refusal) === undefined) return false;
  const { uid, name } = target;
  const { template } = from;
  return !isWayBack(changesOf(world, namespace, name), { uid, template, running: template });
}

function isRefusedBefore(change: ChangeObject, { refusals }: GatherDeps): boolean {
  const { namespace = '', uid } = change.metadata;
  const { target, to } = change.spec;
  const by = refusals.find(namespace, target.name, to.refusal);
  return by !== undefined && by.metadata.uid !== uid;
}
