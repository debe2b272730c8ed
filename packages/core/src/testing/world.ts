// SPDX-License-Identifier: Apache-2.0
import type { ChangePodSpec, ChangeWorkload } from '@altershield/api';
import { ANNOTATIONS } from '@altershield/api';
import { mutateWorkload } from '../admission/workload.ts';
import { decide } from '../change/decide.ts';
import { detect, type Seen } from '../change/detect.ts';
import type { Action, Decision, Observation } from '../change/model.ts';
import { isOver, statusOf, timeText } from '../change/status.ts';
import { viewPod } from '../check/pod-view.ts';
import type { GoodPolicy } from '../policy/match.ts';
import { fingerprint } from '../revision/fingerprint.ts';
import { viewDeployment } from '../workload/observe.ts';
import type { Write } from '../workload/patch.ts';
import { planDeployment } from '../workload/plan.ts';
import type { Deployment, ReplicaSet } from '../workload/types.ts';
import { ClusterModel } from './cluster-model.ts';
import { aChange, sign, tools } from './builders.ts';
import { applyPatch } from './json-patch.ts';

class Crash extends Error {}

/** What the operator sees: the cluster of this instant, or of an earlier one. */
export interface Sight {
  readonly deployment: Deployment | undefined;
  readonly sets: readonly ReplicaSet[];
  readonly pods: ReturnType<ClusterModel['podObjects']>;
}

/** A cluster with an operator in it that may die after any write, and with its users. */
export class World {
  readonly cluster: ClusterModel;
  readonly changes: ChangeWorkload[] = [];
  readonly actions: Action['type'][] = [];
  /** Called after anything happened to the cluster. */
  onMove: () => void = () => undefined;
  /** Called with each decision before it is recorded. */
  onDecision: (before: ChangeWorkload, decision: Decision, o: Observation) => void = () =>
    undefined;
  writes = 0;
  isWebhookUp = true;
  /** What a recheck waits for. */
  dueAt = Infinity;
  /** Fingerprint of the revision that ran before all. */
  readonly first: string;
  readonly #batches = new Map<string, { readonly spec: ChangePodSpec; status: string }>();
  readonly #policy: GoodPolicy;
  #seen: Seen | undefined;
  #budget = Infinity;

  constructor(deployment: Deployment, policy: GoodPolicy) {
    this.#policy = policy;
    this.cluster = new ClusterModel(deployment);
    this.first = fingerprint(deployment.spec.template);
    this.#remember();
  }

  #remember(): void {
    const template = this.cluster.deployment?.spec.template;
    if (template === undefined) return;
    this.#seen = { fingerprint: fingerprint(template), template };
  }

  sight = (): Sight => ({
    deployment: this.cluster.deployment,
    sets: this.cluster.replicaSets(),
    pods: this.cluster.podObjects(),
  });

  /** A user's write, through admission when it is up. */
  userWrites(edit: (d: Deployment) => Deployment): void {
    const old = this.cluster.deployment;
    if (old === undefined) return;
    const sent = edit(structuredClone(old));
    const context = {
      policy: this.#policy,
      refusalOf: () => undefined,
      isWayBack: () => false,
      podsOf: () => this.cluster.sets.reduce((sum, s) => sum + s.replicas, 0),
      sign,
    };
    const request = {
      id: 'r',
      operation: 'UPDATE',
      namespace: 'shop',
      user: { name: 'ann' },
      object: sent,
      oldObject: old,
    } as const;
    const review = this.isWebhookUp ? mutateWorkload(request, context) : undefined;
    const patch = review?.allowed === true ? review.patch : [];
    this.#store(applyPatch(sent, patch), old);
  }

  #store(next: Deployment, old: Deployment): void {
    const isSame = JSON.stringify(next.spec) === JSON.stringify(old.spec);
    const generation = (old.metadata.generation ?? 0) + (isSame ? 0 : 1);
    this.cluster.deployment = { ...next, metadata: { ...next.metadata, generation } };
    this.onMove();
  }

  /** One pass of the operator over what it sees. It dies after `writes` writes. */
  operator(writes = Infinity, sight = this.sight()): boolean {
    const before = this.writes;
    this.#budget = writes;
    this.dueAt = Infinity;
    try {
      this.#detect(sight);
      this.changes.forEach((_, i) => {
        this.#advance(i, sight);
      });
      if (sight.deployment !== undefined) this.#remember();
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      this.#remember();
    }
    return this.writes > before;
  }

  #write(): void {
    this.writes += 1;
    this.#budget -= 1;
  }

  /** Dies once the budget is used up. */
  #survive(): void {
    if (this.#budget <= 0) throw new Crash();
  }

  #detect({ deployment, sets }: Sight): void {
    if (deployment === undefined) return;
    const input = {
      deployment,
      revisions: sets,
      policy: this.#policy,
      last: this.changes.at(-1),
      seen: this.#seen,
      now: this.cluster.now,
    };
    const spec = detect(input, tools);
    if (spec === undefined) return;
    const { metadata, ...rest } = aChange();
    const uid = `c-${spec.sequence}`;
    this.changes.push({ ...rest, metadata: { ...metadata, uid, name: uid }, spec });
    this.#write();
    this.#survive();
  }

  #advance(i: number, sight: Sight): void {
    const change = this.changes[i];
    if (change === undefined || isOver(statusOf(change).phase)) return;
    const o = this.observe(change, sight);
    const decision = decide(o);
    this.onDecision(change, decision, o);
    this.#record(i, change, decision);
    this.dueAt = Math.min(this.dueAt, decision.recheckAt ?? Infinity);
    const { action } = decision;
    if (action === undefined || sight.deployment === undefined) return;
    for (const write of planDeployment(action, sight.deployment, sign)) {
      this.actions.push(action.type);
      this.#perform(write);
      this.#write();
      this.onMove();
      this.#survive();
    }
  }

  observe(change: ChangeWorkload, { deployment, sets, pods }: Sight): Observation {
    const isFresh = (p: { fingerprint: string }): boolean =>
      p.fingerprint === change.spec.to.fingerprint;
    const view = (list: Sight['pods']) => list.map(({ pod }) => viewPod(pod, 0));
    const index = statusOf(change).batch?.index ?? 1;
    const batch = this.#batches.get(`${change.metadata.uid}/${index}`);
    return {
      now: this.cluster.now,
      change,
      batch: batch === undefined ? undefined : { ...aChange(), spec: batch.spec },
      workload: deployment && viewDeployment(deployment, sets, tools),
      fresh: view(pods.filter(isFresh)),
      stable: view(pods.filter((p) => !isFresh(p))),
      recentRollbacks: 0,
      refused: false,
    } as Observation;
  }

  #record(i: number, change: ChangeWorkload, { status, batch }: Decision): void {
    if (batch !== undefined) {
      const key = `${change.metadata.uid}/${batch.index}`;
      const target = change.spec.target;
      const spec = { ...batch.spec, change: { name: 'c', uid: change.metadata.uid }, target };
      const text = JSON.stringify({ ...batch.status, judgedAt: '' });
      const known = this.#batches.get(key);
      if (known === undefined) this.#write();
      if (batch.status !== undefined && known?.status !== text) this.#write();
      this.#batches.set(key, { spec, status: batch.status ? text : (known?.status ?? '') });
      this.#survive();
    }
    if (JSON.stringify(status) === JSON.stringify(statusOf(change))) return;
    this.changes[i] = { ...change, status };
    this.#write();
    this.#survive();
  }

  /** A refused precondition is a conflict: nothing is written. */
  #perform({ resource, name, ops }: Write): void {
    const { deployment, sets } = this.cluster;
    if (resource === 'Deployment') {
      if (deployment === undefined) return;
      try {
        this.#store(applyPatch(deployment, ops), deployment);
      } catch {
        return;
      }
      return;
    }
    const found = sets.find((s) => s.uid === name);
    if (found === undefined) return;
    const isStale = ops.some(
      (op) => op.op === 'test' && op.path === '/spec/replicas' && op.value !== found.replicas,
    );
    const size = ops.find((op) => op.op === 'replace' && op.path === '/spec/replicas');
    if (!isStale && size?.op === 'replace') found.replicas = Number(size.value);
    const counted = ops.find((op) => op.path === '/spec/minReadySeconds');
    if (counted?.op === 'add') found.minReadySeconds = Number(counted.value);
  }

  /** A person's decision on the newest change. */
  decides(action: 'Resume' | 'RollBack' | 'Lift'): void {
    const last = this.changes.at(-1);
    if (last === undefined) return;
    const decision = { action, by: 'ann', at: timeText(this.cluster.now) };
    this.changes[this.changes.length - 1] = { ...last, spec: { ...last.spec, decision } };
  }

  /** Fair steps until nothing moves any more, whatever time it is. */
  drain(limit = 2000): void {
    for (let left = limit; left > 0;) {
      left -= this.settle(left);
      if (this.dueAt === Infinity) return;
      this.cluster.now = Math.max(this.cluster.now + 1, this.dueAt);
    }
    throw this.#restless();
  }

  /** Fair steps until nothing moves but time; answers how many. */
  settle(limit = 400): number {
    for (let steps = 1; steps <= limit; steps += 1) if (!this.#step()) return steps;
    throw this.#restless();
  }

  #step(): boolean {
    let moved = this.operator();
    const parts = [
      () => this.cluster.syncDeployment(),
      () => this.cluster.syncSets(),
      () => this.cluster.becomeReady(3),
    ];
    for (const part of parts) {
      if (part()) moved = true;
      this.onMove();
    }
    return moved;
  }

  #restless = (): Error =>
    new Error(`it never comes to rest: ${JSON.stringify(this.changes.at(-1)?.status)}`);

  isHeld = (): boolean =>
    this.cluster.deployment?.metadata.annotations?.[ANNOTATIONS.hold] !== undefined;
}
