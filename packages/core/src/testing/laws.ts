// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import type { ChangeWorkload, ChangeWorkloadStatus } from '@altershield/api';
import type { Decision, Observation } from '../change/model.ts';
import { isOver, statusOf } from '../change/status.ts';
import { fingerprint } from '../revision/fingerprint.ts';
import { batchTargets, userBounds, type Bounds } from '../workload/batches.ts';
import { readHold, type OwnFields } from '../workload/hold.ts';
import type { Deployment } from '../workload/types.ts';
import { sign } from './builders.ts';
import { replicasOf } from './cluster-model.ts';
import type { World } from './world.ts';

/** Where a rollback may go without a person, or an owner, having asked for another end. */
const AFTER_ROLLING_BACK = ['RollingBack', 'RolledBack', 'Failed', 'Superseded', 'Suspend', 'Init'];

/** What every decision must obey, whatever it is about. */
export function checkDecision(before: ChangeWorkload, decision: Decision, o: Observation): void {
  const { status, action } = decision;
  assert.ok(!isOver(status.phase) || action === undefined, 'an ended change acts');
  if (action?.type === 'RollBack') assert.equal(before.spec.from?.verified, true);
  if (statusOf(before).phase === 'RollingBack') checkRollback(statusOf(before), status);
  if (status.reason === 'Completing' && status.verdict === 'Pass') checkPass(before, o);
}

function checkRollback(was: ChangeWorkloadStatus, { phase }: ChangeWorkloadStatus): void {
  assert.ok(AFTER_ROLLING_BACK.includes(phase), `RollingBack became ${phase}`);
  if (phase === 'Init') assert.equal(was.reason, 'RevertedByUser');
}

/** A pass rests on ready pods, all that the workload wants, at the moment it is given. */
function checkPass(before: ChangeWorkload, { fresh, workload }: Observation): void {
  if (statusOf(before).reason === 'Completing') return;
  assert.ok(fresh.filter((p) => p.ready).length >= (workload?.replicas ?? 0), 'passed unready');
}

export interface Watch {
  /** False once replicas changed: the controller itself then spreads pods over the revisions. */
  isExact: boolean;
}

/** Watches pods at every instant: batches are never overshot, capacity is never taken. */
export function watchPods(world: World, own: OwnFields, watch: Watch): void {
  const before = { ready: world.cluster.ready(), out: new Map<string, number>() };
  world.onMove = () => {
    const { deployment } = world.cluster;
    const ready = world.cluster.ready();
    if (deployment !== undefined && watch.isExact && own.strategy.type !== 'Recreate') {
      checkCapacity(world, deployment, own, [before.ready, ready]);
      checkBatch(world, deployment, before.out);
    }
    before.ready = ready;
  };
}

function checkCapacity(
  world: World,
  deployment: Deployment,
  own: OwnFields,
  [was, ready]: readonly [number, number],
): void {
  const replicas = replicasOf(deployment);
  const { surge, unavailable } = userBounds(own.strategy.rollingUpdate, replicas);
  const floor = replicas - unavailable;
  assert.ok(ready >= floor || ready >= was, `ready fell from ${was} to ${ready}, floor ${floor}`);
  const pods = world.cluster.sets.reduce((sum, s) => sum + s.replicas, 0);
  assert.ok(pods <= replicas + surge, `${pods} pods of ${replicas}, surge ${surge}`);
}

/**
 * Until its change completes, a revision has no more pods than the batch in progress lets out, or an
 * earlier one did: the controller may make those still, when the owner reverts and applies again at once.
 */
function checkBatch(world: World, deployment: Deployment, out: Map<string, number>): void {
  const fp = fingerprint(deployment.spec.template);
  forgetOthers(world, deployment, out);
  const last = world.changes.at(-1);
  const isOfLast = last?.spec.to.fingerprint === fp;
  if (fp === world.first || (isOfLast && isReleased(last))) return;
  const fresh = freshIn(world, fp);
  const target = isOfLast ? (statusOf(last).batch?.target ?? 0) : 0;
  const allowed = Math.max(target, out.get(fp) ?? 0);
  assert.ok(fresh <= allowed, `${fresh} new pods, ${target} let out`);
  out.set(fp, Math.max(fresh, target));
}

/** Once the controller has seen another template, it makes no more pods of the former ones. */
function forgetOthers(
  world: World,
  { metadata, spec, status }: Deployment,
  out: Map<string, number>,
): void {
  if (status?.observedGeneration !== metadata.generation) return;
  const fp = fingerprint(spec.template);
  for (const other of out.keys()) if (other !== fp) out.set(other, freshIn(world, other));
}

const freshIn = ({ cluster }: World, fp: string): number =>
  Math.max(cluster.podsOf(fp), cluster.sets.find((s) => s.fingerprint === fp)?.replicas ?? 0);

const isReleased = (change: ChangeWorkload): boolean =>
  isOver(statusOf(change).phase) || statusOf(change).reason === 'Completing';

/** When nothing but time would move anything: the batch is exact, and nobody has more, or less, than allowed. */
export function assertRested(world: World): void {
  const change = world.changes.at(-1);
  const { deployment } = world.cluster;
  if (deployment === undefined || change === undefined || isOver(statusOf(change).phase)) return;
  const hold = readHold(deployment, sign);
  if (hold.state !== 'Held' || hold.record.own.strategy.type === 'Recreate') return;
  if (isWholeAndPaused(world, deployment)) {
    const user = userBounds(hold.record.own.strategy.rollingUpdate, replicasOf(deployment));
    checkRest(world, { change, deployment, user });
  }
}

/** Of a workload that is not whole, no pod may be taken away to put the count right. */
const isWholeAndPaused = ({ cluster }: World, { spec }: Deployment): boolean =>
  spec.paused === true &&
  cluster.sets.filter((s) => s.replicas > 0).length > 1 &&
  cluster.pods.every((p) => p.readySince > 0);

interface Rest {
  readonly change: ChangeWorkload;
  readonly deployment: Deployment;
  readonly user: Bounds;
}

function checkRest({ cluster }: World, { change, deployment, user }: Rest): void {
  const replicas = replicasOf(deployment);
  const total = cluster.sets.reduce((sum, s) => sum + s.replicas, 0);
  assert.ok(total <= replicas + user.surge, `${total} pods of ${replicas}, surge ${user.surge}`);
  const target = targetOf(change, replicas);
  const fresh = cluster.sets.find((s) => s.fingerprint === change.spec.to.fingerprint);
  // Without any room there is none to put the count right in.
  const hasRoom = user.unavailable > 0 || deployment.spec.strategy?.rollingUpdate?.maxSurge !== 0;
  const tooMany = Math.max(0, (fresh?.replicas ?? 0) - target);
  assert.ok(!hasRoom || tooMany === 0, `${tooMany} new pods more than ${target}`);
  assert.ok(cluster.ready() >= replicas - user.unavailable, `${cluster.ready()} ready`);
}

function targetOf(change: ChangeWorkload, replicas: number): number {
  const targets = batchTargets(change.spec.policy.spec.release.batches, replicas);
  const target = targets[(statusOf(change).batch?.index ?? 1) - 1];
  return target === undefined || target >= replicas ? Infinity : target;
}
