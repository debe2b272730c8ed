// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { FIELD_MANAGER, type ChangeWorkload } from '@altershield/api';
import { canonicalJson, isOver, phaseOf, type Template } from '@altershield/core';
import { sleep, type KubeObject } from '@altershield/kube';
import { Judge, templateOf, type Violation } from './judge.ts';
import { workloadPath } from '../support/kinds.ts';
import { setNodes } from '../support/nodes.ts';
import type { Action, Story, Timed } from './story.ts';
import { Twin } from './twin.ts';
import { World, imageOf, versionOf } from './world.ts';

/** In which every change ends or waits for a user; a silent watch is given up after some minutes. */
const ENDS_MS = 1_500_000;
const LOOK_MS = 5000;
const QUIET_MS = 300_000;
/** After which a watch that stalled is given up: what it missed is news then. */
const SILENT_MS = 350_000;
/** Within which the first pods of a new workload are ready, on a good day. */
const FIRST_PODS_MS = 20_000;
/** Writes of the operator for each action: a multiple of what any needs. */
const MOST_WRITES = 60;

/** Reasons of changes that wait for their user. */
const WAITING: ReadonlySet<string> = new Set(['PausedByUser', 'NoReplicas']);

export interface Outcome {
  readonly violations: readonly Violation[];
  /** Every change with how it ended. */
  readonly history: readonly string[];
  /** Over every write of every client, in order, with its time. */
  readonly digest: string;
  readonly simulatedMs: number;
  readonly tasks: number;
  readonly writes: number;
}

/** Plays a story from its start to the end of every change. Equal stories have equal outcomes. */
export async function play(story: Story): Promise<Outcome> {
  const player = new Player(story);
  return player.play();
}

class Player {
  readonly #story: Story;
  readonly #world: World;
  readonly #hash = createHash('sha256');
  readonly #twin = new Twin();
  #judge: Judge | undefined;
  /** Nodes that are labeled for a workload of one pod for each. */
  #nodes: number;
  /** When the user created the workload anew. */
  #createdAt = -Infinity;

  readonly #acts: {
    [K in Action['do']]: (action: Extract<Action, { do: K }>) => Promise<unknown>;
  } = {
    'set image': ({ version }) => this.#push(imagePatch(version)),
    restart: ({ mark }) => this.#push(restartPatch(mark)),
    undo: () => this.#undo(),
    scale: ({ replicas }) => this.#scale(replicas),
    edit: ({ spec }) => this.#write({ spec }),
    decide: ({ action }) => this.#decide(action),
    'delete pod': ({ nth }) => this.#deletePod(nth),
    'scale ReplicaSet': ({ nth, replicas }) => this.#scaleReplicaSet(nth, replicas),
    're-create': ({ version, absentMs }) => this.#recreate(version, absentMs),
    crash: async ({ replica, downMs }) => {
      await Promise.resolve();
      this.#world.replicas.crash(replica, downMs);
    },
    'lose the lease': async ({ leaderlessMs }) => {
      await Promise.resolve();
      this.#world.replicas.loseLease(leaderlessMs);
    },
    fault: async ({ skip, ...fault }) => {
      await Promise.resolve();
      this.#world.replicas.disturb(fault, skip);
    },
  };

  constructor(story: Story) {
    this.#story = story;
    this.#nodes = story.replicas;
    this.#world = new World(story);
  }

  get #judged(): Judge {
    if (this.#judge === undefined) throw new Error('judge a story: it has not begun');
    return this.#judge;
  }

  async play(): Promise<Outcome> {
    const world = this.#world;
    const startedAt = world.scheduler.now();
    world.sandbox.server.store.subscribe(({ type, kind, object, revision }) => {
      const { name, uid } = object.metadata;
      this.#hash.update(`${world.scheduler.now()} ${revision} ${kind} ${type} ${name} ${uid}\n`);
    });
    await world.start();
    this.#judge = new Judge(world, this.#story);
    await this.#created();
    for (const action of this.#story.actions) {
      await this.#act(action);
      if (this.#judge.violations.length > 0) break;
    }
    if (this.#judge.violations.length === 0) await this.#end();
    world.replicas.stop();
    return {
      violations: this.#judge.violations,
      history: world.history,
      digest: this.#hash.digest('hex').slice(0, 16),
      simulatedMs: world.scheduler.now() - startedAt,
      tasks: world.scheduler.tasksRun,
      writes: world.replicas.writes.length,
    };
  }

  async #act({ thenMs, ...action }: Timed): Promise<void> {
    const act = this.#acts[action.do] as (action: object) => Promise<unknown>;
    await this.#world.play(act(action), thenMs);
    this.#lookAtCost();
  }

  /** Also while a story runs: one that writes without an end would take hours. */
  #lookAtCost(): void {
    const { length } = this.#world.replicas.writes;
    const bound = MOST_WRITES * (this.#story.actions.length + 2);
    if (length > bound) this.#judged.report('cost', `${length} writes`);
  }

  async #push(patch: object): Promise<void> {
    const { scheduler, simulation } = this.#world;
    // A workload whose first pods do not run yet has nothing that a hold could protect.
    const isHoldable = simulation.isAnswered && scheduler.now() >= this.#createdAt + FIRST_PODS_MS;
    const written = await this.#write(patch);
    if (written === undefined) return;
    this.#judged.onPush(written, { isAnswered: isHoldable });
    this.#lookAtTemplate(written);
  }

  /** As `kubectl rollout undo`: the newest other revision, with a JSON patch of the template. */
  async #undo(): Promise<void> {
    const template = this.#previousTemplate();
    if (template === undefined) return;
    await this.#push([{ op: 'replace', path: '/spec/template', value: template }]);
  }

  #previousTemplate(): Template | undefined {
    const { workload, kind, sandbox } = this.#world;
    if (workload === undefined) return undefined;
    const { kind: name } = kind.adapter.descriptor.resource;
    const current = versionOf(templateOf(workload));
    const type = name === 'Deployment' ? 'replicasets.apps' : 'controllerrevisions.apps';
    const found = sandbox.server.store
      .list(type, 'shop')
      .filter((revision) => versionOf(revision) !== current)
      .sort((a, b) => numberOf(a) - numberOf(b))
      .at(-1);
    return found === undefined ? undefined : templateOfRevision(found);
  }

  async #scale(replicas: number): Promise<void> {
    const { kind, sandbox } = this.#world;
    const before = this.#replicas;
    // Pods that a kind declares as leaks when it is scaled up.
    if (replicas < before) this.#judged.excusePods();
    if (replicas > before && Object.values(kind.leaks).length > 0) this.#judged.excuseRevisions();
    this.#nodes = replicas;
    if (kind.isPerNode) await setNodes(sandbox, replicas);
    else await this.#write({ spec: { replicas } });
  }

  get #replicas(): number {
    if (this.#world.kind.isPerNode) return this.#nodes;
    const spec = (this.#world.workload as { spec?: { replicas?: number } } | undefined)?.spec;
    return spec?.replicas ?? 0;
  }

  async #decide(action: 'Resume' | 'RollBack' | 'Lift'): Promise<void> {
    if (action !== 'RollBack') this.#judged.excuseRevisions();
    await this.#expectDenial(this.#world.decide(action));
  }

  async #deletePod(nth: number): Promise<void> {
    const { sandbox, kind } = this.#world;
    const pods = sandbox.pods({ namespace: 'shop' });
    const pod = pods[nth % Math.max(1, pods.length)];
    if (pod === undefined) return;
    this.#judged.excusePods();
    if (Object.values(kind.leaks).includes('PodReplaced')) this.#judged.excuseRevisions();
    await sandbox.call('DELETE', { path: `/api/v1/namespaces/shop/pods/${pod.metadata.name}` });
  }

  async #scaleReplicaSet(nth: number, replicas: number): Promise<void> {
    const { sandbox } = this.#world;
    const list = sandbox.server.store.list('replicasets.apps', 'shop');
    const found = list[nth % Math.max(1, list.length)];
    if (found === undefined) return;
    const { name, labels = {} } = found.metadata;
    this.#judged.excusePods(labels['pod-template-hash'] ?? '');
    this.#judged.excuseRevisions();
    const path = `/apis/apps/v1/namespaces/shop/replicasets/${name}`;
    await this.#expectDenial(sandbox.call('PATCH', { path, body: { spec: { replicas } } }));
  }

  async #recreate(version: string, absentMs: number): Promise<void> {
    const world = this.#world;
    this.#judged.excuseRevisions();
    this.#judged.excusePods();
    await world.delete();
    await sleep(world.scheduler, absentMs);
    this.#judged.excusePods();
    await world.create(version);
    await this.#created(version);
  }

  /** A new workload is observed only. */
  async #created(version = '1'): Promise<void> {
    const { workload, kind, scheduler } = this.#world;
    if (workload === undefined) return;
    if (version !== '1') this.#createdAt = scheduler.now();
    await this.#twin.create(workloadPath(kind), this.#world.manifest(version));
    this.#judged.onPush(workload, { isAnswered: false });
  }

  /** A write of a user; undefined: it was denied. */
  async #write(body: object): Promise<KubeObject | undefined> {
    const { workload } = this.#world;
    const template = workload === undefined ? undefined : templateOf(workload);
    const written = await this.#expectDenial(this.#world.patch(body));
    // What the object says already is no write, also where AlterShield wrote it.
    const isNoOp = !Array.isArray(body) && isContained(body, workload);
    if (written !== undefined)
      await this.#twin.patch(workloadPath(this.#world.kind), template, isNoOp ? {} : body);
    return written;
  }

  /** Admission changes no field of the user's template. */
  #lookAtTemplate(written: KubeObject): void {
    const twin = this.#twin.get(this.#world.kind);
    const [is, wanted] = [written, twin].map((object) => canonicalJson(templateOf(object)));
    if (is !== wanted)
      this.#judged.report('template', `is ${is ?? ''}, the user wrote ${wanted ?? ''}`);
  }

  async #expectDenial<T>(call: Promise<T>): Promise<T | undefined> {
    try {
      return await call;
    } catch (error) {
      if (/denies|failed calling webhook|denied the request/.test(String(error))) return undefined;
      throw error;
    }
  }

  /** Faults end; every change must end, and then a good one must be released. */
  async #end(): Promise<void> {
    const world = this.#world;
    world.replicas.endFaults();
    await world.scheduler.runFor(LOOK_MS);
    if (!(await this.#comes(() => this.#isSettled()))) {
      this.#judged.report('ends', `${JSON.stringify(world.history)}, held: ${world.isHeld}`);
      return;
    }
    this.#lookAtRest();
    await this.#writeFinal();
    const isDone = (): boolean => this.#isReleased();
    if (!(await this.#comes(isDone))) {
      const state = JSON.stringify([world.history, world.podCounts]);
      this.#judged.report('release', `${state}, held: ${world.isHeld}`);
      return;
    }
    this.#lookAtRest();
    await this.#lookAtQuiet();
  }

  async #writeFinal(): Promise<void> {
    const { kind } = this.#world;
    await this.#scale(3);
    await this.#world.play(this.#write({ spec: kind.plain }), 1000);
    await this.#world.play(this.#push(imagePatch('final')), 1000);
  }

  async #comes(holds: () => boolean): Promise<boolean> {
    const { scheduler } = this.#world;
    for (let ms = 0; ms < ENDS_MS && this.#judged.violations.length === 0; ms += LOOK_MS) {
      if (holds()) return true;
      await scheduler.runFor(LOOK_MS);
      this.#lookAtCost();
    }
    return holds();
  }

  #isSettled(): boolean {
    const { changes, isHeld } = this.#world;
    const open = changes.filter((change) => !isOver(phaseOf(change)));
    // With `OnDelete`, pods are updated when their user deletes them.
    const isOnDelete = JSON.stringify(specOf(this.#twin.get(this.#world.kind))).includes(
      'OnDelete',
    );
    return (
      (isOnDelete || open.every(isWaiting)) && open.length <= 1 && !(isHeld && open.length === 0)
    );
  }

  /** Pods are updated when their user deletes them. */
  get #isOnDelete(): boolean {
    return JSON.stringify(specOf(this.#twin.get(this.#world.kind))).includes('OnDelete');
  }

  #isReleased(): boolean {
    const { history, changes, podCounts, isHeld } = this.#world;
    const last = history.at(-1)?.split(' ').slice(0, 2).join(' ');
    if (last === 'final Success') return podCounts['final'] === 3 && !isHeld;
    // What is new, observed only or rolls at its own pace is left to Kubernetes, with its stuck pods.
    const { mode, release } = this.#story.policy;
    const isNew = this.#createdAt > -Infinity;
    const isLeft = isNew || mode === 'Audit' || release.strategy === 'Rolling';
    if (this.#isOnDelete) return true;
    return isLeft && last?.startsWith('final ') === true && changes.every(isEnded);
  }

  #lookAtRest(): void {
    const { workload, isHeld } = this.#world;
    this.#lookAtWrites();
    if (workload === undefined || isHeld) return;
    const twin = this.#twin.get(this.#world.kind);
    const [is, wanted] = [workload, twin].map((object) => canonicalJson(specOf(object)));
    if (is !== wanted)
      this.#judged.report('fields', `is ${is ?? ''}, the user wrote ${wanted ?? ''}`);
    if (!this.#judged.wasWritten(templateOf(workload)))
      this.#judged.report('template', `no user wrote ${JSON.stringify(templateOf(workload))}`);
    // Only a leader that saw the workload before the change knows whose fields they were.
    const isNewLeader = this.#story.actions.some(({ do: what }) => /crash|lease/.test(what));
    if (!this.#judged.hasRacedRollback && !isNewLeader && ownedBySelf(workload))
      this.#judged.report('ownership', JSON.stringify(workload.metadata.managedFields));
  }

  #lookAtWrites(): void {
    const { simulation, replicas } = this.#world;
    const [trespass] = simulation.trespasses;
    if (trespass !== undefined) this.#judged.report('fields', trespass);
    const write = replicas.writes.find(({ path }) => path.startsWith('/apis/apps/'));
    const { policy, actions } = this.#story;
    // A user may ask for a rollback of what is observed only.
    const isAsked = actions.some((action) => action.do === 'decide');
    if (policy.mode === 'Audit' && !isAsked && write !== undefined)
      this.#judged.report('observed', `${write.method} ${write.path} ${write.body ?? ''}`);
  }

  async #lookAtQuiet(): Promise<void> {
    const { writes } = this.#world.replicas;
    await this.#world.scheduler.runFor(SILENT_MS);
    const before = writes.length;
    await this.#world.scheduler.runFor(QUIET_MS);
    const late = writes.slice(before).map(({ method, path }) => `${method} ${path}`);
    if (late.length > 0) this.#judged.report('quiet', late.slice(0, 3).join(', '));
  }
}

/** Whether only its user can move a change: suspended, paused, or of a kind of pods that users delete. */
const isWaiting = ({ spec, status }: ChangeWorkload): boolean =>
  status?.phase === 'Suspend' ||
  WAITING.has(status?.reason ?? '') ||
  (spec.release?.strategy === 'Rolling' &&
    spec.release.enforced &&
    spec.release.reason !== undefined);

const isEnded = (change: ChangeWorkload): boolean => isOver(phaseOf(change)) || isWaiting(change);

const imagePatch = (version: string): object => ({
  spec: { template: { spec: { containers: [{ name: 'app', image: imageOf(version) }] } } },
});

const restartPatch = (mark: string): object => ({
  spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': mark } } } },
});

/** Everything of the spec but the template. */
function specOf(object: KubeObject): object {
  const { template: _, ...rest } = (object as unknown as { spec: { template: unknown } }).spec;
  return rest;
}

type Json = Readonly<Record<string, unknown>>;

/** The API server drops this field where its feature gate is off. */
const isDropped = (key: string, fields: Json | undefined): boolean =>
  key === 'maxUnavailable' && fields?.[key] === undefined;

/** Whether a merge patch changes nothing. */
function isContained(patch: unknown, value: unknown): boolean {
  if (patch === null) return value === undefined;
  if (typeof patch !== 'object' || Array.isArray(patch))
    return canonicalJson(patch) === canonicalJson(value);
  const fields = value as Json | undefined;
  return Object.entries(patch).every(
    ([key, item]) => isDropped(key, fields) || isContained(item, fields?.[key]),
  );
}

interface RevisionLike {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> | undefined };
  readonly revision?: number;
  readonly spec?: { readonly template: Template };
  readonly data?: { readonly spec: { readonly template: Template & { $patch?: string } } };
}

function numberOf(object: unknown): number {
  const { metadata, revision } = object as RevisionLike;
  return revision ?? Number(metadata.annotations?.['deployment.kubernetes.io/revision'] ?? 0);
}

function templateOfRevision(object: unknown): Template | undefined {
  const { spec, data } = object as RevisionLike;
  if (data !== undefined) {
    const { $patch: _, ...template } = data.spec.template;
    return template;
  }
  if (spec === undefined) return undefined;
  const { metadata, ...rest } = spec.template as Template & { metadata: { labels: Json } };
  const { 'pod-template-hash': _, ...labels } = metadata.labels;
  return { ...rest, metadata: { ...metadata, labels } };
}

/** Whether AlterShield owns a field of the template. */
function ownedBySelf({ metadata }: KubeObject): boolean {
  const entries = metadata.managedFields ?? [];
  return entries.some((entry) => {
    const { manager, fieldsV1 } = entry as { manager?: string; fieldsV1?: Json };
    const spec = fieldsV1?.['f:spec'] as Json | undefined;
    return manager === FIELD_MANAGER && spec?.['f:template'] !== undefined;
  });
}
