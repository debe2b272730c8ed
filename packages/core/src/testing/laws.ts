// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import type { ChangeWorkload } from '@altershield/api';
import type { Decision, Observation } from '../change/model.ts';
import { isOver, statusOf } from '../change/status.ts';
import { fingerprint } from '../revision/fingerprint.ts';
import { userBounds } from '../workload/batches.ts';
import type { OwnFields } from '../workload/hold.ts';
import { replicasOf } from './cluster-model.ts';
import type { World } from './world.ts';

/** Where a rollback may go without a person, or an owner, having asked for another end. */
const AFTER_ROLLING_BACK = ['RollingBack', 'RolledBack', 'Failed', 'Superseded', 'Suspend', 'Init'];

/** What every decision must obey, whatever it is about. */
export function checkDecision(before: ChangeWorkload, decision: Decision, o: Observation): void {
  const was = statusOf(before);
  const { status, action } = decision;
  assert.ok(!isOver(status.phase) || action === undefined, 'an ended change acts');
  if (was.phase === 'RollingBack') assert.ok(AFTER_ROLLING_BACK.includes(status.phase));
  if (status.phase === 'Init' && was.phase === 'RollingBack') {
    assert.equal(was.reason, 'RevertedByUser');
  }
  if (action?.type === 'RollBack') assert.equal(before.spec.from?.verified, true);
  if (status.phase === 'Success' && was.phase !== 'Success') {
    assert.notEqual(was.phase, 'RollingBack');
    if (status.verdict === 'Pass') assert.ok(o.fresh.some((p) => p.ready) || status.batch);
  }
}

export interface Watch {
  /** False once replicas changed: the controller itself then spreads pods over the revisions. */
  isExact: boolean;
}

/** Watches pods at every instant: batches are never overshot, capacity is never taken. */
export function watchPods(world: World, own: OwnFields, watch: Watch): void {
  let ready = world.cluster.ready();
  let out = new Map<string, number>();
  world.onMove = () => {
    const { deployment, sets } = world.cluster;
    if (deployment === undefined) return;
    const replicas = replicasOf(deployment);
    const now = world.cluster.ready();
    const floor = replicas - userBounds(own.strategy.rollingUpdate, replicas).unavailable;
    const isRolling = own.strategy.type !== 'Recreate';
    if (watch.isExact && isRolling) {
      assert.ok(now >= floor || now >= ready, `ready fell from ${ready} to ${now}, floor ${floor}`);
    }
    ready = now;
    const last = world.changes.at(-1);
    const fp = fingerprint(deployment.spec.template);
    const isOfLast = last?.spec.to.fingerprint === fp;
    const status = last === undefined ? undefined : statusOf(last);
    const isFree =
      isOfLast && status !== undefined && (isOver(status.phase) || status.reason === 'Completing');
    const isNew = isOfLast ? last.spec.from !== undefined : fp !== last?.spec.from?.fingerprint;
    const spec = sets.find((s) => s.fingerprint === fp)?.replicas ?? 0;
    const fresh = Math.max(world.cluster.podsOf(fp), spec);
    const target = isOfLast ? (status?.batch?.target ?? 0) : 0;
    if (watch.isExact && isNew && !isFree && isRolling && fp !== world.first) {
      const allowed = Math.max(target, out.get(fp) ?? 0);
      assert.ok(fresh <= allowed, `${fresh} new pods, ${target} let out`);
      out = new Map([...out, [fp, fresh]]);
    }
  };
}
