// SPDX-License-Identifier: Apache-2.0
import type { PodEvent } from '@altershield/sandbox';
import type { Checkout } from './checkout.ts';
import { storeType } from './kinds.ts';
import { lawOf, type KindLaw, type Word } from './laws.ts';

/** How long controllers may still do what was true before. */
const LAG_MS = 2000;
/** How long a workload takes to get over what was done by hand. */
const EXCUSED_MS = 20_000;

/** What was true at some time, and how long ago. */
interface Moment extends Word {
  readonly at: number;
}

/**
 * Judges every pod and every write by what the workload said and the user wanted, whatever happens
 * in whatever order: nobody's number of batches, soaks or seconds is assumed.
 */
export class Lawyer {
  readonly violations: string[] = [];
  readonly #checkout: Checkout;
  readonly #law: KindLaw;
  readonly #moments: Moment[] = [];
  readonly #ready = new Set<string>();
  /** Revisions whose pods were scaled by hand. */
  readonly #letOut = new Set<string>();
  #excusedUntil = 0;
  #answeredSince = 0;

  constructor(checkout: Checkout) {
    this.#checkout = checkout;
    this.#law = lawOf(checkout.kind);
    const { sandbox } = checkout;
    this.#remember();
    for (const pod of sandbox.pods({ namespace: 'shop' })) {
      if (isReady(pod)) this.#ready.add(pod.metadata.uid);
    }
    sandbox.server.store.subscribe(({ type }) => {
      if (type === storeType(checkout.kind)) this.#remember();
    });
    sandbox.onPod((event) => {
      if (event.kind === 'Added') this.#lookAtNew(event);
      this.#lookAtReady(event);
    });
  }

  /** From now on an operator answers the API server, or none does. */
  isAnsweredFor(isAnswered: boolean): void {
    this.#answeredSince = isAnswered ? this.#checkout.scheduler.now() : Infinity;
  }

  #isAnswered(now: number): boolean {
    return this.#answeredSince + LAG_MS < now;
  }

  /** Who scales the pods of a revision by hand wants them, or wants them gone. */
  excuse(revision?: string): void {
    if (revision !== undefined) this.#letOut.add(revision);
    this.#excusedUntil = this.#checkout.scheduler.now() + EXCUSED_MS;
  }

  #remember(): void {
    const { workload, scheduler, sandbox } = this.#checkout;
    this.#moments.push({ at: scheduler.now(), ...this.#law.wordOf(workload, sandbox) });
  }

  /** The present, and what was true a moment ago. */
  #recent(): Moment[] {
    const since = this.#checkout.scheduler.now() - LAG_MS;
    const first = this.#moments.findLastIndex(({ at }) => at <= since);
    return this.#moments.slice(Math.max(0, first));
  }

  /** In flight, a revision that is not verified has no pod beyond its share. */
  #lookAtNew({ pod, atMs }: PodEvent): void {
    const { revisionOf } = this.#law;
    const revision = revisionOf(pod);
    if (this.#letOut.has(revision)) return;
    const isOpen = !this.#isAnswered(atMs);
    const allowed = this.#law.allowed({ revision, words: this.#recent(), isOpen });
    const all = this.#checkout.sandbox.pods({ namespace: 'shop' });
    const count = all.filter((p) => revisionOf(p) === revision && isStaying(p)).length;
    if (count > allowed) this.#say(`pod ${count} of ${revision}, ${allowed} released`, atMs);
  }

  /** No ready pod goes while as many as the user's bound are needed. */
  #lookAtReady({ kind, pod, atMs }: PodEvent): void {
    const { uid } = pod.metadata;
    if (kind !== 'Deleted' && isReady(pod)) {
      this.#ready.add(uid);
      return;
    }
    if (!this.#ready.delete(uid)) return;
    const bound = Math.min(
      ...this.#recent().map(({ replicas, unavailable }) => replicas - unavailable),
    );
    if (this.#ready.size >= bound || atMs < this.#excusedUntil) return;
    this.#say(`${this.#ready.size} pods ready, the user wants ${bound}`, atMs);
  }

  #say(what: string, atMs: number): void {
    const { pods } = this.#checkout;
    const { about } = this.#moments.at(-1) ?? { about: undefined };
    if (this.violations.length > 2) return;
    this.violations.push(`${what} at ${atMs}; ${JSON.stringify(about)}; ${JSON.stringify(pods)}`);
  }
}

type Pod = PodEvent['pod'];

const isStaying = ({ metadata }: Pod): boolean => metadata.deletionTimestamp === undefined;
const isReady = (pod: Pod): boolean =>
  isStaying(pod) &&
  (pod.status.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True');
