// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { FIELD_MANAGER } from '@altershield/api';
import {
  fingerprint,
  ownershipOf,
  signWith,
  valueAt,
  type Goal,
  type Snapshot,
  type Template,
  type Signing,
  type WorkloadView,
  type Write,
} from '@altershield/core';
import {
  WriteThroughClient,
  Client,
  InformerFactory,
  isConflict,
  silentLogger,
  type KubeObject,
} from '@altershield/kube';
import {
  ADMIN,
  VirtualScheduler,
  createSandbox,
  seededRandom,
  type CallInfo,
  type FaultPlan,
  type Pod,
  type Random,
  type Sandbox,
} from '@altershield/sandbox';
import { perform, performWrites } from '../../packages/operator/src/actions/perform.ts';
import type { WorkloadKubeObject } from '../../packages/operator/src/objects.ts';
import { FollowedKind } from '../../packages/operator/src/kinds/followed-kind.ts';
import { storeType, workloadPath, type KindUnderTest } from '../support/kinds.ts';
import { NODE_LABEL, NODES, setNodes } from '../support/nodes.ts';
import { ALICE, OPERATOR } from '../support/simulation.ts';
import { review } from './admission.ts';
import type { ControllerModel, PodFact } from './model.ts';

const NAME = 'checkout';
const KEY = { namespace: 'shop', name: NAME };
/** Virtual time that a goal is given. */
const PATIENCE_MS = 600_000;

const signing: Signing = { sign: signWith(new Uint8Array(32).fill(7)), fingerprintOf: fingerprint };

export interface RigOptions {
  readonly kind: KindUnderTest;
  readonly seed: number;
  readonly replicas: number;
  /** One of the kind's strategies. Default: the first. */
  readonly strategy?: number;
  readonly kubernetes?: '1.36' | '1.37';
  /** Fields of the spec, beside those of the strategy. */
  readonly spec?: object;
  /** What befalls the first operator. `kill` ends it there and then. */
  readonly faults?: (kill: () => void) => FaultPlan;
}

/** What performs goals, with caches of its own that lag behind. */
interface Performer {
  readonly kind: FollowedKind;
  readonly client: WriteThroughClient;
  readonly stop: AbortController;
}

/** The sandbox's own controllers and one healthy workload, `shop/checkout` at version `v1`. */
export class Rig implements ControllerModel {
  readonly kind: KindUnderTest;
  readonly scheduler: VirtualScheduler;
  readonly sandbox: Sandbox;
  /** Calls of the operator that write. */
  readonly calls: CallInfo[] = [];
  readonly violations: string[] = [];
  /** Fingerprints that count as verified at admission. */
  readonly verified = new Set<string>();
  /** How many operators there were. */
  lives = 0;
  /** Whether an operator answers the API server. */
  isGuarded = true;
  readonly #options: RigOptions;
  /** An API server without controllers and without anything of AlterShield: what the user wrote, and no more. */
  readonly #twin: Sandbox;
  readonly #random: Random;
  readonly #templates = new Map<string, Template>();
  readonly #ownership = new Map<string, string | undefined>();
  /** Most pods that each version ever had at a time. */
  readonly #most = new Map<string, number>();
  readonly #ready = new Set<string>();
  #floor = 0;
  #wish: { tag: string; replicas: number; strategy: object };
  #performer: Performer | undefined;

  private constructor(options: RigOptions) {
    const { kind, seed, replicas, strategy = 0, kubernetes } = options;
    this.#options = options;
    this.kind = kind;
    this.#random = seededRandom(seed ^ 0x9e3779b9);
    this.scheduler = new VirtualScheduler({ seed, order: 'shuffled' });
    const nodes = kind.isPerNode ? NODES : 3;
    const own = { scheduler: this.scheduler, kubernetes, nodes, namespaces: ['shop'] };
    this.sandbox = createSandbox({
      ...own,
      admission: {
        policy: (attributes) => review(attributes, this.#admission),
      },
    });
    this.#twin = createSandbox({ ...own, scheduler: new VirtualScheduler() });
    for (const controller of Object.values(this.#twin.controllers)) controller.stop();
    this.#wish = { tag: 'v1', replicas, strategy: kind.strategies[strategy] ?? {} };
    this.sandbox.onPod(({ kind: change, pod }) => {
      this.#see(change === 'Deleted' ? undefined : pod, pod.metadata.uid);
    });
  }

  static async start(options: RigOptions): Promise<Rig> {
    const rig = new Rig(options);
    if (options.kind.isPerNode) await rig.scale(options.replicas);
    await rig.apply('v1');
    rig.verified.add(rig.fingerprint('v1'));
    await rig.until('the workload is healthy', () => rig.isHealthy('v1'));
    await rig.#startPerformer();
    rig.#floor = rig.view().minReady;
    return rig;
  }

  get #admission() {
    const { adapter } = this.kind;
    const operatorUser = OPERATOR.username;
    return {
      ...{ adapter, signing, operatorUser, verified: this.verified, isAnswered: this.isGuarded },
      snapshotOf: () => this.snapshot(),
      get: (kind: string, name: string) =>
        kind === 'Deployment' ? this.sandbox.get('deployments.apps', 'shop', name) : undefined,
    };
  }

  get #deps() {
    return { scheduler: this.scheduler, log: silentLogger };
  }

  get object(): WorkloadKubeObject {
    return this.get(NAME) ?? assert.fail('the workload exists');
  }

  get(name: string): WorkloadKubeObject | undefined {
    return this.sandbox.get<WorkloadKubeObject>(storeType(this.kind), 'shop', name);
  }

  get spec(): Readonly<Record<string, unknown>> {
    return this.object.spec;
  }

  get signing(): Signing {
    return signing;
  }

  /** What of its annotations is AlterShield's. */
  get marks(): string[] {
    const names = Object.keys(this.object.metadata.annotations ?? {});
    return names.filter((name) => name.startsWith('altershield.io/')).sort();
  }

  snapshot(): Snapshot {
    const related: Record<string, readonly KubeObject[]> = {};
    const { relatedResources } = this.kind.adapter.descriptor;
    for (const [key, { resource, ownedBy }] of Object.entries(relatedResources)) {
      const owners = ownedBy === 'object' ? [this.object] : (related[ownedBy] ?? []);
      const uids = owners.map(({ metadata }) => metadata.uid);
      const type = `${resource.plural}.${resource.group}`;
      const { store } = this.sandbox.server;
      const list = ownedBy === 'cluster' ? store.list(type) : store.list(type, 'shop');
      related[key] = (list as unknown as KubeObject[]).filter(
        ({ metadata }) =>
          ['namespace', 'cluster'].includes(ownedBy) ||
          metadata.ownerReferences?.some(({ uid }) => uids.includes(uid)),
      );
    }
    return { object: this.object, related: related };
  }

  view(): WorkloadView {
    return this.kind.adapter.observe(this.snapshot(), signing);
  }

  plan(goal: Goal): Write[] {
    const { object } = this;
    return this.kind.adapter.plan(goal, { object, view: this.view(), signing });
  }

  pods(): PodFact[] {
    return this.sandbox.pods({ namespace: 'shop' }).map(factOf);
  }

  /** Pods of a version that are there to stay. */
  count(tag: string): number {
    return this.pods().filter((pod) => pod.tag === tag && !pod.isTerminating).length;
  }

  /** The most pods that a version ever had at a time. */
  most(tag: string): number {
    return this.#most.get(tag) ?? 0;
  }

  /** Pods that the user wants. */
  get size(): number {
    return this.#wish.replicas;
  }

  /** Pods that the user wants and that are not there. */
  get missing(): number {
    return this.size - this.pods().filter(({ isTerminating }) => !isTerminating).length;
  }

  /** All pods that the user wants, of this version and ready, and no other one. */
  isHealthy(tag: string): boolean {
    const pods = this.pods();
    const object = this.get(NAME);
    const { status } = { status: {}, ...object } as {
      readonly status: { readonly observedGeneration?: number };
    };
    return (
      status.observedGeneration === object?.metadata.generation &&
      pods.length === this.#wish.replicas &&
      pods.every((pod) => pod.tag === tag && pod.isReady && !pod.isTerminating)
    );
  }

  fingerprint(tag: string): string {
    return fingerprint(this.#templates.get(tag) ?? assert.fail(`${tag} was applied`));
  }

  /** The change from one version to another, as goals name it. */
  route(from: string, to: string) {
    return { from: this.fingerprint(from), to: this.fingerprint(to) };
  }

  releaseOf(to: string, target: number, isLast = false, from = 'v1'): Goal {
    return {
      ...{ type: 'Release', sequence: 1, ...this.route(from, to) },
      ...{ target, isLast, needsRoom: false },
    };
  }

  holdOf(to: string, from = 'v1'): Goal {
    return { type: 'Hold', ...this.route(from, to) };
  }

  rollBackOf(to: string, from = 'v1'): Goal {
    const ownership = this.#ownership.get(from);
    return {
      ...{ type: 'RollBack', ...this.route(from, to) },
      template: this.#templates.get(from) ?? {},
      ...(ownership === undefined ? {} : { ownership }),
      ...{ isOwn: true, keepsHold: false },
    };
  }

  // Writes of users.

  async apply(tag: string): Promise<void> {
    this.#wish = { ...this.#wish, tag };
    await this.#applyWish();
    const { object } = this;
    const { revisionPath } = this.kind.adapter.descriptor;
    if (this.#templates.has(tag)) return;
    this.#templates.set(tag, valueAt(object, revisionPath) as Template);
    this.#ownership.set(tag, ownershipOf(object));
  }

  async scale(replicas: number): Promise<void> {
    this.#wish = { ...this.#wish, replicas };
    if (this.kind.isPerNode) await setNodes(this.sandbox, replicas);
    else await this.patch({ spec: { replicas } });
  }

  async edit(strategy: object): Promise<void> {
    this.#wish = { ...this.#wish, strategy };
    await this.#applyWish();
  }

  /** The manifest as it was applied last. */
  manifest(name = NAME): Readonly<Record<string, unknown>> & { readonly metadata: object } {
    const { tag, replicas, strategy } = this.#wish;
    const { resource } = this.kind.adapter.descriptor;
    return {
      apiVersion: `${resource.group}/${resource.version}`,
      kind: resource.kind,
      metadata: { name, namespace: 'shop', labels: { tier: 'web' } },
      spec: {
        ...(this.kind.isPerNode ? {} : { replicas }),
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name } },
          spec: {
            containers: [{ name: 'app', image: `shop/checkout:${tag}` }],
            ...(this.kind.isPerNode ? { nodeSelector: NODE_LABEL } : {}),
          },
        },
        ...this.kind.spec,
        ...this.#options.spec,
        ...strategy,
      },
    };
  }

  async #applyWish(): Promise<void> {
    const manifest = this.manifest();
    await this.#twin.apply(manifest, ALICE);
    await this.scheduler.complete(this.sandbox.apply(manifest, ALICE));
  }

  /** A merge patch by a user. */
  async patch(body: object): Promise<void> {
    const call = { path: workloadPath(this.kind), body, user: ADMIN };
    await this.#twin.call('PATCH', call);
    await this.scheduler.complete(this.sandbox.call('PATCH', call));
  }

  userSpec(name = NAME): object {
    const object = this.#twin.get<KubeObject & { spec: object }>(
      storeType(this.kind),
      'shop',
      name,
    );
    return object?.spec ?? assert.fail('the user wrote it');
  }

  /** The node of a pod goes away, say. */
  async evict(): Promise<void> {
    const pod = this.pick(this.pods().filter(({ isTerminating }) => !isTerminating));
    if (pod === undefined) return;
    const path = `/api/v1/namespaces/shop/pods/${pod.name}`;
    await this.scheduler.complete(this.sandbox.call('DELETE', { path }));
  }

  /** Deletes the workload and creates it anew, with another uid. */
  async replace(): Promise<void> {
    const path = workloadPath(this.kind);
    await this.#twin.call('DELETE', { path });
    await this.scheduler.complete(this.sandbox.call('DELETE', { path }));
    await this.until('it is gone', () => this.get(NAME) === undefined);
    await this.#applyWish();
  }

  // Time, and what happens meanwhile.

  /** Controllers, kubelets and watches run for so long. */
  async step(ms = this.pick([5, 40, 300, 1500, 6000]) ?? 0): Promise<void> {
    await this.scheduler.runFor(ms);
  }

  pick<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.#random() * list.length)];
  }

  chance(likelihood: number): boolean {
    return this.#random() < likelihood;
  }

  /** Nothing of the cluster moves any more. */
  stopControllers(): void {
    for (const controller of Object.values(this.sandbox.controllers)) controller.stop();
  }

  /** One of the kind's controllers lags: it sees nothing for a while. */
  async lag(): Promise<void> {
    const name = this.pick(this.kind.controllers);
    if (name === undefined) return;
    this.sandbox.controllers[name].stop();
    await this.step();
    this.sandbox.controllers[name].start();
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    await this.scheduler.runUntil(holds, { what });
  }

  // What the operator does.

  async write(writes: readonly Write[], { object }: Snapshot): Promise<'done' | 'conflict'> {
    const target = { kind: this.kind, object: object as WorkloadKubeObject };
    const done = await this.#try(async (p) => {
      await performWrites(writes, target, { ...p, ...this.#deps }, p.stop.signal);
      return true;
    });
    return done === undefined ? 'conflict' : 'done';
  }

  /** One look of the operator at its caches, and what follows. Undefined: in vain, it looks again. */
  pursue(goal: Goal): Promise<number | undefined> {
    return this.#try(async ({ kind, client, stop }) => {
      const object = kind.get(KEY);
      if (object === undefined) return undefined;
      const view = kind.view(object);
      return perform(goal, { kind, object, view }, { client, signing, ...this.#deps }, stop.signal);
    });
  }

  /** As the operator does it: look, write what is planned, wait for the controllers, look again. */
  async reach(goal: Goal, isReached: () => boolean = () => true): Promise<void> {
    const deadline = this.scheduler.now() + PATIENCE_MS;
    for (;;) {
      const writes = await this.pursue(goal);
      if (writes === 0 && isReached() && this.plan(goal).length === 0) return;
      const state = `${JSON.stringify(goal)}; ${JSON.stringify(this.pods())}`;
      assert.ok(this.scheduler.now() < deadline, `reach ${state}`);
      await this.step();
    }
  }

  release(to: string, target: number, isLast = false, from = 'v1'): Promise<void> {
    const isReached = (): boolean =>
      this.pods().filter(({ tag, isReady }) => tag === to && isReady).length >= target;
    return this.reach(this.releaseOf(to, target, isLast, from), isReached);
  }

  rollBack(to: string, from = 'v1'): Promise<void> {
    return this.reach(this.rollBackOf(to, from), () => this.isHealthy(from));
  }

  rest(): Promise<void> {
    return this.reach({ type: 'Rest', keepsHold: false, forgetsActor: true });
  }

  /** Where it stands: what users and controllers would call the end. */
  end(): object {
    const count = (tag: string): string =>
      `${this.count(tag)} ${tag}, ${this.pods().filter((p) => p.tag === tag && p.isReady).length} ready`;
    const tags = [...new Set(this.pods().map(({ tag }) => tag))].sort();
    const { annotations = {} } = this.object.metadata;
    return {
      spec: this.spec,
      marks: this.marks.map((name) => annotations[name]),
      pods: tags.map(count),
    };
  }

  /** Limits the ready pods no more: something befell them that is not the operator's doing. */
  excuse(): void {
    this.#floor = 0;
  }

  async #startPerformer(): Promise<void> {
    const stop = new AbortController();
    const faults = this.lives === 0 ? this.#options.faults : undefined;
    this.lives += 1;
    const transport = this.sandbox.transport(OPERATOR, {
      faults: this.#faults(
        faults?.(() => {
          stop.abort(new Error('killed'));
        }),
      ),
    });
    const deps = this.#deps;
    const client = new Client({ transport, ...deps, fieldManager: FIELD_MANAGER });
    const informers = new InformerFactory({ client, ...deps });
    const kind = new FollowedKind(this.kind.adapter, informers, signing);
    void informers.start(stop.signal).catch(() => undefined);
    await this.until('the caches are filled', () => informers.synced);
    this.#performer = { kind, client: new WriteThroughClient(client, informers), stop };
  }

  /** Watches lag, each line by as much as the seed says. */
  #faults(plan: FaultPlan = {}): FaultPlan {
    return {
      ...plan,
      beforeCall: (call) => {
        const isOfCluster = call.write > 0 && !call.path.includes('/events');
        if (isOfCluster) this.calls.push(call);
        return plan.beforeCall?.(call);
      },
      onWatchLine: () =>
        this.chance(0.1) ? { kind: 'delay', ms: Math.floor(this.#random() * 800) } : undefined,
    };
  }

  async #try<T>(
    act: (performer: Performer & { signing: Signing }) => Promise<T>,
  ): Promise<T | undefined> {
    const performer = this.#performer ?? assert.fail('the operator runs');
    try {
      return await this.scheduler.complete(act({ ...performer, signing }));
    } catch (error) {
      if (performer.stop.signal.aborted) {
        await this.#startPerformer();
        return undefined;
      }
      if (isConflict(error)) return undefined;
      throw error;
    }
  }

  #see(pod: Pod | undefined, uid: string): void {
    const fact = pod === undefined ? undefined : factOf(pod);
    if (fact !== undefined) {
      this.#most.set(fact.tag, Math.max(this.most(fact.tag), this.count(fact.tag)));
    }
    if (fact?.isReady === true && !fact.isTerminating) {
      this.#ready.add(uid);
      return;
    }
    if (!this.#ready.delete(uid) || this.#ready.size >= this.#floor) return;
    this.violations.push(`${this.#ready.size} pods ready, ${this.#floor} wanted`);
  }
}

function factOf({ metadata, spec, status }: Pod): PodFact {
  const { name, uid, deletionTimestamp } = metadata;
  const [, tag = ''] = /checkout:([\w.-]+)/.exec(JSON.stringify(spec)) ?? [];
  const isReady = (status.conditions ?? []).some((c) => c.type === 'Ready' && c.status === 'True');
  return { name, uid, tag, isReady, isTerminating: deletionTimestamp !== undefined };
}
