// SPDX-License-Identifier: Apache-2.0
import {
  HELD,
  isInFlight,
  parseReleaseCap,
  userBounds,
  type Deployment,
  type ReleaseCap,
} from '@altershield/core';
import type { PodEvent } from '@altershield/sandbox';
import type { Checkout } from './checkout.ts';

/** How long controllers may still do what was true before. */
const LAG_MS = 2000;
/** How long a workload takes to get over what was done by hand. */
const EXCUSED_MS = 20_000;

/** What was true at some time, and how long ago. */
interface Moment {
  readonly at: number;
  readonly cap: ReleaseCap | undefined;
  readonly replicas: number;
  readonly unavailable: number;
  readonly surge: number;
}

/**
 * Judges every pod and every write by what the annotation said and the user wanted, whatever happens
 * in whatever order: nobody's number of batches, soaks or seconds is assumed.
 */
export class Lawyer {
  readonly violations: string[] = [];
  readonly #checkout: Checkout;
  readonly #moments: Moment[] = [];
  readonly #ready = new Set<string>();
  /** Revisions whose ReplicaSet was scaled by hand. */
  readonly #letOut = new Set<string>();
  #excusedUntil = 0;
  #answeredSince = 0;

  constructor(checkout: Checkout) {
    this.#checkout = checkout;
    const { sandbox } = checkout;
    this.#remember();
    for (const pod of sandbox.pods({ namespace: 'shop' })) {
      if (isReady(pod)) this.#ready.add(pod.metadata.uid);
    }
    sandbox.server.store.subscribe(({ type }) => {
      if (type === 'deployments.apps') this.#remember();
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

  /** Who scales a ReplicaSet by hand wants its pods, or wants them gone. */
  excuse(hash: string): void {
    this.#letOut.add(hash);
    this.#excusedUntil = this.#checkout.scheduler.now() + EXCUSED_MS;
  }

  #remember(): void {
    const { deployment, scheduler, release } = this.#checkout;
    this.#moments.push({ at: scheduler.now(), cap: readable(release), ...wishes(deployment) });
  }

  /** The present, and what was true a moment ago. */
  #recent(): Moment[] {
    const since = this.#checkout.scheduler.now() - LAG_MS;
    const first = this.#moments.findLastIndex(({ at }) => at <= since);
    return this.#moments.slice(Math.max(0, first));
  }

  /** In flight, a revision that is not verified has no pod beyond its share. */
  #lookAtNew({ pod, atMs }: PodEvent): void {
    const hash = hashOf(pod);
    if (this.#letOut.has(hash)) return;
    const recent = this.#recent();
    // The share of what was released may be of what the Deployment was scaled to a moment ago.
    const isOpen = !this.#isAnswered(atMs);
    const shares = recent.flatMap(({ cap }) =>
      recent.map(({ replicas, surge }) => shareOf({ cap, replicas, surge, isOpen }, hash)),
    );
    const allowed = Math.max(...shares);
    const all = this.#checkout.sandbox.pods({ namespace: 'shop' });
    const count = all.filter((p) => hashOf(p) === hash && isStaying(p)).length;
    if (count > allowed) this.#say(`pod ${count} of ${hash}, ${allowed} released`, atMs);
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
    const { release = 'none', pods } = this.#checkout;
    if (this.violations.length > 2) return;
    this.violations.push(`${what} at ${atMs}; ${release}; ${JSON.stringify(pods)}`);
  }
}

type Pod = PodEvent['pod'];

const hashOf = ({ metadata }: Pod): string => metadata.labels?.['pod-template-hash'] ?? '';
const isStaying = ({ metadata }: Pod): boolean => metadata.deletionTimestamp === undefined;
const isReady = (pod: Pod): boolean =>
  isStaying(pod) &&
  (pod.status.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True');

function readable(text: string | undefined): ReleaseCap | undefined {
  const cap = parseReleaseCap(text);
  return cap === 'Invalid' ? undefined : cap;
}

function wishes({ spec: { replicas = 1, strategy } }: Deployment) {
  const { unavailable, surge } = userBounds(strategy?.rollingUpdate, replicas);
  return { replicas, unavailable, surge };
}

interface Asked extends Omit<Moment, 'at' | 'unavailable'> {
  /** Nobody answers for the writes that scale a Deployment. */
  readonly isOpen: boolean;
}

/** Pods that a revision may have; at rest that is for whoever is alive to say. */
function shareOf({ cap, replicas, surge, isOpen }: Asked, hash: string): number {
  if (cap === undefined || !isInFlight(cap) || cap.verified === hash) return Infinity;
  if (cap.target === HELD || cap.target !== hash) return 0;
  // Kubernetes spreads the surge as well, and rounds.
  if (isOpen && cap.released > 0) {
    return Math.ceil(cap.released * Math.max(1, (replicas + surge) / cap.replicas)) + 1;
  }
  return replicas >= cap.replicas
    ? cap.released
    : Math.floor((cap.released * replicas) / cap.replicas);
}
