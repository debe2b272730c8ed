// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload } from '@altershield/api';
import { canonicalJson, isOver, phaseOf } from '@altershield/core';
import { sleep, type KubeObject } from '@altershield/kube';
import type { PodEvent, StoreEvent } from '@altershield/sandbox';
import { storeType } from '../support/kinds.ts';
import { lawOf, type KindLaw, type Word } from '../support/laws.ts';
import { isBadVersion, type Story } from './story.ts';
import { CHANGES, isReady, versionOf, type World } from './world.ts';

/** What the operator must never do, whatever happens in whatever order. */
export const LAWS = {
  boundary: 'An unverified revision has no pod beyond what the workload’s fields release.',
  evidence: 'Pods beyond the first batch only after one of its pods was ready for the soak time.',
  availability: 'No ready pod is deleted while the user’s own bound needs it.',
  intent: 'A batch is recorded before any pod of it is released.',
  verified: 'No revision is called verified without a pod of it that was ready for the soak time.',
  alarm: 'A revision whose pods are healthy is never rolled back without a user.',
  reaction: 'A pod that fails stops its release or has it rolled back within seconds.',
  rollback: 'A rollback ends with all pods of the verified revision.',
  quarantine: 'A revision that was rolled back by its failure does not pass admission again.',
  fields:
    'Only fields that the kind declares are written, and in the end each is as its user wrote it.',
  template: 'In the end the template is one that the user wrote: the last, or the rollback target.',
  ownership: 'In the end AlterShield owns no field of the template.',
  observed: 'A workload that is observed only is not written to.',
  ends: 'When faults end, every change ends or waits for a user, and nothing is held without a change.',
  release: 'When faults end, the next good change is released whole and verified.',
  cost: 'Writes per event are bounded.',
  quiet: 'At rest nothing is written.',
  errors: 'No reconcile fails by an error of the program.',
} as const;
export type LawName = keyof typeof LAWS;

export interface Violation {
  readonly law: LawName;
  readonly what: string;
}

type Pod = PodEvent['pod'];

/** How long controllers may still do what was true before. */
const LAG_MS = 2000;
/** How long a workload takes to get over what a user did to its pods. */
const EXCUSED_MS = 20_000;
const MAX_VIOLATIONS = 3;
/** Within which a failing pod must be acted on while nothing is disturbed. */
const REACTION_MS = 3000;
/** Why a container waits that will not get better by itself. */
const FAILING = /CrashLoopBackOff|ImagePullBackOff/;

/** What was true at some time, and since when. */
interface Moment extends Word {
  readonly at: number;
}

/** Everything that is known of the pods of a revision. */
interface Revision {
  /** Pods that were ready for the soak time, the deleted ones included. */
  readonly soaked: Set<string>;
  /** Most replicas since it was pushed. */
  replicas: number;
  /** Users let it run beyond its batch, or pushed it while no replica answered. */
  isExcused: boolean;
}

/**
 * Judges every pod and every write by what the user wrote and what the workload says. The number of a
 * batch, a verdict or a phase that the operator wrote is believed only against it.
 */
export class Judge {
  readonly violations: Violation[] = [];
  readonly #world: World;
  readonly #story: Story;
  readonly #law: KindLaw;
  readonly #type: string;
  #moments: Moment[] = [];
  /** Since when each ready pod is ready. */
  readonly #readySince = new Map<string, number>();
  readonly #revisions = new Map<string, Revision>();
  readonly #scaledByHand = new Set<string>();
  /** Pods whose failure must be acted on. */
  readonly #failing = new Set<string>();
  /** Versions that were rolled back by their failure, and when. */
  readonly #quarantined = new Map<string, number>();
  readonly #templates = new Set<string>();
  /** A revert to one of them is not held, with or without the mark of a restart. */
  readonly #verified = new Set(['1']);
  #excusedUntil = 0;
  /** Whether a user wrote a template while AlterShield restored one: it may own fields since. */
  hasRacedRollback = false;
  /** Since when a replica answers; infinite while none does. */
  #answeredSince = -Infinity;

  constructor(world: World, story: Story) {
    this.#world = world;
    this.#story = story;
    this.#law = lawOf(world.kind);
    this.#type = storeType(world.kind);
    this.#remember();
    const { sandbox } = world;
    for (const pod of sandbox.pods({ namespace: 'shop' })) {
      if (isReady(pod)) this.#readySince.set(pod.metadata.uid, this.#now);
    }
    sandbox.server.store.subscribe((event) => {
      this.#onStore(event);
    });
    sandbox.onPod((event) => {
      this.#onPod(event);
    });
  }

  get #now(): number {
    return this.#world.scheduler.now();
  }

  report(law: LawName, what: string): void {
    if (this.violations.length >= MAX_VIOLATIONS) return;
    const at = ((this.#now - Date.UTC(2026, 0, 1)) / 1000).toFixed(3);
    const pods = JSON.stringify(this.#world.podCounts);
    this.violations.push({ law, what: `${what} (after ${at} s, pods ${pods})` });
  }

  /** The user wrote a revision, and the server accepted it. */
  onPush(object: KubeObject, { isAnswered }: { readonly isAnswered: boolean }): void {
    const template = templateOf(object);
    this.#templates.add(canonicalJson(template));
    const revision = this.#revision(keyOf(template));
    revision.replicas = Math.max(revision.replicas, this.#moments.at(-1)?.replicas ?? 0);
    if (!isAnswered || this.#replacesPods) revision.isExcused = true;
    else this.#lookAtQuarantine(versionOf(template.spec));
    if (this.#world.changes.some((change) => phaseOf(change) === 'RollingBack'))
      this.hasRacedRollback = true;
  }

  /** Pods that are missing come back updated, and the kind declares that as a leak. */
  get #replacesPods(): boolean {
    const isLeak = Object.values(this.#world.kind.leaks).includes('PodReplaced');
    return isLeak && this.#readySince.size < (this.#moments.at(-1)?.replicas ?? 0);
  }

  /** A replica whose watches are disturbed may not know of a quarantine yet. */
  #lookAtQuarantine(version: string): void {
    const since = this.#quarantined.get(version);
    const isDisturbed = this.#story.actions.some((action) => action.do === 'fault');
    if (since === undefined || isDisturbed || this.#now < since + LAG_MS) return;
    this.report('quarantine', `${version} was rolled back, and passes admission`);
  }

  /** A user changed the pods behind the back of the workload, or the workload is another one. */
  excusePods(revision?: string): void {
    if (revision !== undefined) this.#scaledByHand.add(revision);
    this.#excusedUntil = this.#now + EXCUSED_MS;
  }

  /** A user takes responsibility for every revision that is there now. */
  excuseRevisions(): void {
    for (const revision of this.#revisions.values()) revision.isExcused = true;
    this.#quarantined.clear();
  }

  onAnswered(isAnswered: boolean): void {
    if (!isAnswered) this.#answeredSince = Infinity;
    else if (this.#answeredSince === Infinity) this.#answeredSince = this.#now;
  }

  wasWritten(template: unknown): boolean {
    return this.#templates.has(canonicalJson(template));
  }

  #revision(key: string): Revision {
    const known = this.#revisions.get(key);
    if (known !== undefined) return known;
    const created = { soaked: new Set<string>(), replicas: 0, isExcused: false };
    this.#revisions.set(key, created);
    return created;
  }

  #onStore(event: StoreEvent): void {
    this.onAnswered(this.#world.simulation.isAnswered);
    if (event.type === CHANGES) this.#onRecord(event);
    if (event.type !== this.#type || event.object.metadata.name !== 'checkout') return;
    if (event.kind === 'Deleted') {
      this.#moments = [];
      return;
    }
    this.#remember();
    this.#lookAtIntent();
  }

  #remember(): void {
    const { workload, sandbox } = this.#world;
    if (workload === undefined) return;
    const word = this.#law.wordOf(workload, sandbox);
    this.#moments.push({ at: this.#now, ...word });
    for (const revision of this.#revisions.values()) {
      revision.replicas = Math.max(revision.replicas, word.replicas);
    }
  }

  /** The present, and what was true a moment ago. */
  #recent(): Moment[] {
    const since = this.#now - LAG_MS;
    const first = this.#moments.findLastIndex(({ at }) => at <= since);
    return this.#moments.slice(Math.max(0, first));
  }

  #onPod({ kind, pod }: PodEvent): void {
    if (pod.metadata.namespace !== 'shop') return;
    this.#watchSoak(pod, kind);
    if (kind === 'Modified' && isFailing(pod)) this.#watchReaction(pod);
    if (kind === 'Added') this.#lookAtNew(pod);
    this.#lookAtReady(pod, kind);
  }

  #watchReaction(pod: Pod): void {
    const { uid } = pod.metadata;
    if (this.#failing.has(uid) || !this.#isUndisturbed) return;
    this.#failing.add(uid);
    void sleep(this.#world.scheduler, REACTION_MS).then(() => {
      this.#lookAtReaction(uid);
    });
  }

  /** Nothing keeps the operator from hearing of a pod, or from acting on it. */
  get #isUndisturbed(): boolean {
    return !this.#story.actions.some((action) => DISTURBANCES.has(action.do));
  }

  #lookAtReaction(uid: string): void {
    const pods = this.#world.sandbox.pods({ namespace: 'shop' });
    const pod = pods.find(({ metadata }) => metadata.uid === uid);
    const open = this.#world.changes.findLast((change) => !isOver(phaseOf(change)));
    if (pod === undefined || open === undefined || !isFailing(pod)) return;
    const version = versionOf(open.spec.to.images);
    const isReleased = ['Init', 'Running', 'TimeOutPreThreshold'].includes(phaseOf(open));
    const isExcused = this.#revisions.get(keyOf(pod))?.isExcused === true;
    if (versionOf(pod.spec) !== version || !isReleased || isExcused || !this.#isBatched) return;
    this.report('reaction', `a pod of ${version} fails, and the change is ${phaseOf(open)}`);
  }

  #watchSoak(pod: Pod, kind: PodEvent['kind']): void {
    const since = this.#readySince.get(pod.metadata.uid);
    if (since === undefined || (kind !== 'Deleted' && isReady(pod))) return;
    this.#noteSoak(pod, since);
  }

  #noteSoak(pod: Pod, since: number): void {
    // The kubelet writes times in whole seconds.
    const soakMs = this.#story.policy.release.soakSeconds * 1000 - 1000;
    if (this.#now - since >= soakMs) this.#revision(keyOf(pod)).soaked.add(pod.metadata.uid);
  }

  #lookAtNew(pod: Pod): void {
    if (this.#moments.length === 0) return;
    const { revisionOf } = this.#law;
    const revision = revisionOf(pod);
    if (this.#scaledByHand.has(revision) || this.#mayLeak(pod)) return;
    const all = this.#world.sandbox.pods({ namespace: 'shop' });
    const staying = all.filter(
      (p) => revisionOf(p) === revision && p.metadata.deletionTimestamp === undefined,
    );
    const isOpen = this.#answeredSince + LAG_MS >= this.#now;
    const allowed = this.#law.allowed({ revision, words: this.#recent(), isOpen });
    if (staying.length > allowed) {
      this.report('boundary', `pod ${staying.length} of ${keyOf(pod)}, ${allowed} released`);
    }
    if (!isOpen) this.#lookAtEvidence(pod, staying);
  }

  /** A scale-up of a kind that declares it as a leak, which its controller may take its time for. */
  #mayLeak(pod: Pod): boolean {
    const leaks = Object.values(this.#world.kind.leaks);
    return leaks.length > 0 && this.#revisions.get(keyOf(pod))?.isExcused === true;
  }

  #lookAtEvidence(pod: Pod, staying: readonly Pod[]): void {
    const { release } = this.#story.policy;
    const revision = this.#revisions.get(keyOf(pod));
    if (revision === undefined || revision.isExcused || !this.#isBatched) return;
    if (this.#verified.has(versionOf(pod.spec))) return;
    this.#noteSoaks(staying);
    const first = resolve(release.batches?.[0] ?? 1, revision.replicas);
    const { size } = revision.soaked;
    if (staying.length > first && size === 0) {
      this.report(
        'evidence',
        `pod ${staying.length} of ${keyOf(pod)}: none of the first ${first} soaked`,
      );
    }
  }

  get #isBatched(): boolean {
    const { mode, release } = this.#story.policy;
    return mode !== 'Audit' && release.strategy !== 'Rolling';
  }

  #noteSoaks(pods: readonly Pod[]): void {
    for (const pod of pods) {
      const since = this.#readySince.get(pod.metadata.uid);
      if (since !== undefined) this.#noteSoak(pod, since);
    }
  }

  /** No ready pod goes while as many as the user's bound are needed. */
  #lookAtReady(pod: Pod, kind: PodEvent['kind']): void {
    const { uid } = pod.metadata;
    if (kind !== 'Deleted' && isReady(pod)) {
      if (!this.#readySince.has(uid)) this.#readySince.set(uid, this.#now);
      return;
    }
    const isDeleted = kind === 'Deleted' || pod.metadata.deletionTimestamp !== undefined;
    if (!this.#readySince.delete(uid) || !isDeleted || this.#moments.length === 0) return;
    const bounds = this.#recent().map(({ replicas, unavailable }) => replicas - unavailable);
    const bound = Math.min(...bounds);
    if (this.#readySince.size >= bound || this.#now < this.#excusedUntil) return;
    this.report('availability', `${this.#readySince.size} pods ready, the user wants ${bound}`);
  }

  /** More may be released only after a record says so. */
  #lookAtIntent(): void {
    const [before, now] = this.#moments.slice(-2);
    if (before === undefined || now === undefined || !this.#isBatched) return;
    const [was, released] = [before, now].map((word) => this.#law.released(word) ?? 0);
    if (released === undefined || released <= (was ?? 0) || now.replicas !== before.replicas)
      return;
    const target = this.#recordedTarget;
    if (released > target) this.report('intent', `${released} pods released, ${target} recorded`);
  }

  get #recordedTarget(): number {
    const open = this.#world.changes.findLast((change) => !isOver(phaseOf(change)));
    return open?.status?.batch?.target ?? 0;
  }

  #onRecord({ object, previous }: StoreEvent): void {
    const { spec, status } = object as unknown as ChangeWorkload;
    const before = previous as unknown as ChangeWorkload | undefined;
    if (status === undefined || status.phase === before?.status?.phase) return;
    if (spec.operation !== 'Update') return;
    const version = versionOf(spec.to.images);
    if (status.phase === 'Success' && status.reason === 'Verified') this.#lookAtVerified(version);
    this.#lookAtRollback(version, status);
  }

  #lookAtRollback(
    version: string,
    { phase, automaticRollback, reason, message }: NonNullable<ChangeWorkload['status']>,
  ): void {
    if (reason === 'RollbackIncomplete' && !this.#keepsPods)
      this.report('rollback', `${version}: ${message}`);
    if (automaticRollback !== true) return;
    if (phase === 'RolledBack') this.#quarantined.set(version, this.#now);
    if (phase !== 'RollingBack' || isBadVersion(version)) return;
    if (reason !== 'QuarantinedRevision')
      this.report('alarm', `${version} is rolled back: ${reason} ${message}`);
  }

  /** By their own fields, users keep the controller from replacing pods. */
  get #keepsPods(): boolean {
    return this.#story.actions.some(
      (action) => action.do === 'edit' && /paused|OnDelete|partition/.test(JSON.stringify(action)),
    );
  }

  #lookAtVerified(version: string): void {
    this.#verified.add(version);
    this.#noteSoaks(this.#world.sandbox.pods({ namespace: 'shop' }));
    const revisions = [...this.#revisions].filter(([key]) => key.split(' ')[0] === version);
    if (revisions.some(([, { isExcused }]) => isExcused)) return;
    const soaked = revisions.reduce((sum, [, { soaked: pods }]) => sum + pods.size, 0);
    if (soaked === 0)
      this.report('verified', `${version} is verified, and none of its pods was soaked`);
  }
}

const DISTURBANCES: ReadonlySet<string> = new Set(['fault', 'crash', 'lose the lease']);

const isFailing = ({ status }: Pod): boolean =>
  (status.containerStatuses ?? []).some(({ state }) => FAILING.test(state.waiting?.reason ?? ''));

const resolve = (step: number | string, replicas: number): number =>
  typeof step === 'number' ? step : Math.max(1, Math.ceil((replicas * parseInt(step, 10)) / 100));

interface Templated {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> | undefined };
  readonly spec?: unknown;
}

export const templateOf = (object: KubeObject): Templated =>
  (object as unknown as { readonly spec: { readonly template: Templated } }).spec.template;

/** A revision as its pods show it: the version, and the mark of a restart. */
export const keyOf = ({ metadata, spec }: Templated): string =>
  `${versionOf(spec)} ${metadata?.annotations?.['kubectl.kubernetes.io/restartedAt'] ?? ''}`.trim();
