// SPDX-License-Identifier: Apache-2.0
import { fingerprint } from '../revision/fingerprint.ts';
import { resolve } from '../workload/batches.ts';
import { imagesOf, type Deployment, type Pod, type ReplicaSet } from '../workload/types.ts';
import { NOW } from './builders.ts';

/** One ReplicaSet, with the two numbers that the Deployment controller keeps in annotations. */
interface SetModel {
  readonly uid: string;
  readonly template: Deployment['spec']['template'];
  readonly fingerprint: string;
  readonly createdAt: number;
  replicas: number;
  minReadySeconds: number;
  desired: number;
  max: number;
}

interface PodModel {
  readonly name: string;
  readonly set: string;
  readonly createdAt: number;
  readySince: number;
}

/**
 * The Deployment and ReplicaSet controllers, reduced to the rules that release control leans on.
 * Each call of a `sync` does what one pass of the controller does, so that a test can put anything
 * between two passes. Pods whose image tag begins with `bad` never become ready.
 */
export class ClusterModel {
  now = NOW;
  deployment: Deployment | undefined;
  sets: SetModel[] = [];
  pods: PodModel[] = [];
  #names = 0;

  constructor(deployment: Deployment) {
    this.deployment = deployment;
    while (this.step());
  }

  /** Runs the controllers and kubelets until nothing moves; true when something did. */
  step(): boolean {
    return this.syncDeployment() || this.syncSets() || this.becomeReady(Infinity);
  }

  syncDeployment(): boolean {
    const d = this.deployment;
    if (d === undefined) return this.#collect();
    const moved = this.#pass(d);
    const generation = d.metadata.generation ?? 0;
    const isNews = d.status?.observedGeneration !== generation;
    const reason = this.#isComplete(d) ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated';
    const isTimed = (d.spec.progressDeadlineSeconds ?? 600) < 2147483647;
    const conditions = isTimed ? [{ type: 'Progressing', reason }] : [];
    const updatedReplicas = this.podsOf(fingerprint(d.spec.template));
    const counts = { replicas: this.pods.length, updatedReplicas };
    this.deployment = { ...d, status: { observedGeneration: generation, conditions, ...counts } };
    return moved || isNews;
  }

  #collect(): boolean {
    const any = this.sets.length > 0 || this.pods.length > 0;
    this.sets = [];
    this.pods = [];
    return any;
  }

  #pass(d: Deployment): boolean {
    const fp = fingerprint(d.spec.template);
    const found = this.sets.find((s) => s.fingerprint === fp);
    if (found !== undefined) found.minReadySeconds = d.spec.minReadySeconds ?? 0;
    if (d.spec.paused === true || this.#isScaled(d)) return this.#scale(d, found);
    if (d.spec.strategy?.type === 'Recreate') return this.#recreate(d, found, fp);
    return this.#roll(d, found, fp);
  }

  #isScaled = (d: Deployment): boolean =>
    this.sets.some((s) => s.replicas > 0 && s.desired !== replicasOf(d));

  #recreate(d: Deployment, found: SetModel | undefined, fp: string): boolean {
    const old = this.sets.filter((s) => s.fingerprint !== fp);
    const moved = this.#end(old, d);
    if (moved || this.pods.some((p) => old.some((s) => s.uid === p.set))) return moved;
    return this.#resize(found ?? this.#create(d, fp), replicasOf(d), d);
  }

  #roll(d: Deployment, found: SetModel | undefined, fp: string): boolean {
    const fresh = found ?? this.#create(d, fp);
    if (this.#resize(fresh, this.#roomFor(fresh, d), d)) return true;
    return this.#shrinkOld(d, fresh);
  }

  #roomFor(fresh: SetModel, d: Deployment): number {
    const replicas = replicasOf(d);
    if (fresh.replicas >= replicas) return replicas;
    const room = replicas + boundsIn(d).surge - this.#total();
    return fresh.replicas + Math.max(0, Math.min(room, replicas - fresh.replicas));
  }

  /** Old pods go while enough are available; the ones that are not available go first. */
  #shrinkOld(d: Deployment, fresh: SetModel): boolean {
    const old = this.sets.filter((s) => s !== fresh && s.replicas > 0);
    const floor = replicasOf(d) - boundsIn(d).unavailable;
    let room = this.#total() - floor - (fresh.replicas - this.#available(fresh));
    if (old.length === 0 || room <= 0) return false;
    let moved = false;
    for (const s of old) {
      const gone = Math.min(room, Math.max(0, s.replicas - this.#available(s)));
      moved = this.#resize(s, s.replicas - gone, d) || moved;
      room -= gone;
    }
    const available = this.sets.map((s) => this.#available(s)).reduce((a, b) => a + b, 0);
    let spare = Math.max(0, available - floor);
    for (const s of old) {
      const gone = Math.min(spare, s.replicas);
      moved = this.#resize(s, s.replicas - gone, d) || moved;
      spare -= gone;
    }
    return moved;
  }

  /** What the controller does of a paused Deployment, or of one whose replicas changed. */
  #scale(d: Deployment, fresh: SetModel | undefined): boolean {
    const active = this.sets.filter((s) => s.replicas > 0);
    if (active.length <= 1) {
      const only = active[0] ?? fresh ?? this.sets.at(-1);
      return only !== undefined && this.#resize(only, replicasOf(d), d);
    }
    if (this.#isSaturated(d, fresh)) {
      const others = active.filter((s) => s !== fresh);
      return this.#end(others, d);
    }
    return d.spec.strategy?.type !== 'Recreate' && this.#spread(d, active);
  }

  /** Proportional scaling: of sets of the same size the newer grow first and the older shrink first. */
  #spread(d: Deployment, active: readonly SetModel[]): boolean {
    const allowed = replicasOf(d) > 0 ? replicasOf(d) + boundsIn(d).surge : 0;
    const toAdd = allowed - this.#total();
    const byAge = toAdd > 0 ? [...active].reverse() : [...active];
    const order = byAge.sort((a, b) => b.replicas - a.replicas);
    const sizes = this.#shares(order, allowed, toAdd);
    const moved = order.map((s, i) => this.#resize(s, sizes[i] ?? 0, d)).some(Boolean);
    for (const s of order) this.#annotate(s, d);
    return moved;
  }

  #end = (sets: readonly SetModel[], d: Deployment): boolean =>
    sets.map((s) => this.#resize(s, 0, d)).some(Boolean);

  #shares(order: readonly SetModel[], allowed: number, toAdd: number): number[] {
    let left = toAdd;
    const sizes = order.map((s) => {
      const share =
        allowed === 0 ? -s.replicas : Math.round((s.replicas * allowed) / s.max) - s.replicas;
      const part = toAdd > 0 ? Math.min(share, left) : Math.max(share, left);
      const size = toAdd === 0 || left === 0 ? s.replicas : s.replicas + part;
      left -= size - s.replicas;
      return size;
    });
    sizes[0] = Math.max(0, (sizes[0] ?? 0) + left);
    return sizes;
  }

  #isSaturated = (d: Deployment, fresh: SetModel | undefined): boolean =>
    fresh !== undefined &&
    fresh.replicas === replicasOf(d) &&
    fresh.desired === replicasOf(d) &&
    this.#available(fresh) === replicasOf(d);

  #create(d: Deployment, fp: string): SetModel {
    this.#names += 1;
    const created = {
      uid: `rs-${this.#names}`,
      template: d.spec.template,
      fingerprint: fp,
      createdAt: this.now,
      replicas: 0,
      minReadySeconds: d.spec.minReadySeconds ?? 0,
      desired: replicasOf(d),
      max: replicasOf(d) + boundsIn(d).surge,
    };
    this.sets.push(created);
    return created;
  }

  #resize(s: SetModel, replicas: number, d: Deployment): boolean {
    const moved = s.replicas !== replicas;
    // An annotation is only written with a size, unless a scaling is spread.
    if (!moved) return false;
    s.replicas = replicas;
    this.#annotate(s, d);
    return moved;
  }

  #annotate(s: SetModel, d: Deployment): void {
    s.desired = replicasOf(d);
    s.max = replicasOf(d) + boundsIn(d).surge;
  }

  #total = (): number => this.sets.reduce((sum, s) => sum + s.replicas, 0);

  #available = (s: SetModel): number =>
    this.pods.filter(
      (p) =>
        p.set === s.uid && p.readySince > 0 && this.now >= p.readySince + s.minReadySeconds * 1000,
    ).length;

  #isComplete(d: Deployment): boolean {
    const fresh = this.sets.find((s) => s.fingerprint === fingerprint(d.spec.template));
    return (
      fresh !== undefined &&
      this.#total() === fresh.replicas &&
      this.#available(fresh) === fresh.replicas
    );
  }

  /** The ReplicaSet controller: creates what is missing, deletes what is not ready first. */
  syncSets(): boolean {
    return this.sets.map((s) => this.#syncSet(s)).some(Boolean);
  }

  #syncSet(s: SetModel): boolean {
    const own = this.pods.filter((p) => p.set === s.uid);
    const missing = s.replicas - own.length;
    for (let i = 0; i < missing; i += 1) {
      this.#names += 1;
      const name = `pod-${this.#names}`;
      this.pods.push({ name, set: s.uid, createdAt: this.now, readySince: 0 });
    }
    const order = [...own].sort((a, b) => a.readySince - b.readySince);
    const gone = new Set(order.slice(0, Math.max(0, -missing)));
    this.pods = this.pods.filter((p) => !gone.has(p));
    return missing !== 0;
  }

  /** Up to `n` pods that can become ready do. */
  becomeReady(n: number): boolean {
    const able = this.pods.filter((p) => p.readySince === 0 && this.#canRun(p)).slice(0, n);
    for (const pod of able) pod.readySince = this.now;
    return able.length > 0;
  }

  /** One ready pod loses its readiness. */
  loseReadiness(): void {
    const pod = this.pods.find((p) => p.readySince > 0);
    if (pod !== undefined) pod.readySince = 0;
  }

  #canRun = (p: PodModel): boolean => {
    const template = this.sets.find((s) => s.uid === p.set)?.template ?? {};
    return imagesOf(template).every((image) => !image.includes(':bad'));
  };

  readonly podsOf = (fp: string): number =>
    this.pods.filter((p) => this.#fingerprintOf(p) === fp).length;

  readonly ready = (): number => this.pods.filter((p) => p.readySince > 0).length;

  #fingerprintOf = (p: PodModel): string =>
    this.sets.find((s) => s.uid === p.set)?.fingerprint ?? '';

  /** ReplicaSets as the API server shows them. */
  replicaSets(): ReplicaSet[] {
    return this.sets.map((s) => {
      const own = this.pods.filter((p) => p.set === s.uid);
      const readyReplicas = own.filter((p) => p.readySince > 0).length;
      return {
        metadata: {
          ...{ name: s.uid, namespace: 'shop', uid: s.uid },
          creationTimestamp: new Date(s.createdAt).toISOString(),
        },
        spec: { replicas: s.replicas, template: s.template, minReadySeconds: s.minReadySeconds },
        status: { replicas: own.length, readyReplicas, availableReplicas: this.#available(s) },
      };
    });
  }

  /** Pods as the API server shows them, with the fingerprint of their revision. */
  podObjects(): { readonly pod: Pod; readonly fingerprint: string }[] {
    return this.pods.map((p) => ({
      fingerprint: this.#fingerprintOf(p),
      pod: {
        metadata: { name: p.name, uid: p.name, creationTimestamp: iso(p.createdAt) },
        spec: { nodeName: 'node-1' },
        status: {
          phase: 'Running',
          conditions: [
            {
              type: 'Ready',
              status: p.readySince > 0 ? 'True' : 'False',
              ...(p.readySince > 0 ? { lastTransitionTime: iso(p.readySince) } : {}),
            },
          ],
          containerStatuses: this.#canRun(p)
            ? []
            : [{ name: 'app', state: { waiting: { reason: 'ImagePullBackOff' } } }],
        },
      },
    }));
  }
}

const iso = (ms: number): string => new Date(ms).toISOString();

export const replicasOf = ({ spec }: Deployment): number => spec.replicas ?? 1;

function boundsIn(d: Deployment): { surge: number; unavailable: number } {
  if (d.spec.strategy?.type === 'Recreate') return { surge: 0, unavailable: 0 };
  const { maxSurge = '25%', maxUnavailable = '25%' } = d.spec.strategy?.rollingUpdate ?? {};
  const replicas = replicasOf(d);
  const surge = resolve(maxSurge, replicas, Math.ceil);
  const unavailable = resolve(maxUnavailable, replicas, Math.floor);
  const isStuck = surge === 0 && unavailable === 0;
  return { surge, unavailable: isStuck ? 1 : Math.min(unavailable, replicas) };
}
