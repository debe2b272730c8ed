// SPDX-License-Identifier: Apache-2.0
import type { PodEvent, Sandbox } from '@altershield/sandbox';

export interface Law {
  readonly replicas: number;
  /** As the user's own `maxUnavailable` says. */
  readonly unavailable: number;
  /** New pods at the end of each batch. */
  readonly targets: readonly number[];
  readonly soakMs: number;
}

interface SeenPod {
  readonly image: string;
  /** Undefined while it is not ready, or leaves. */
  readonly readySince: number | undefined;
}

/**
 * Judges every state of every pod, as it is stored, by what the user wrote: nothing that the
 * operator says of itself is believed.
 */
export class InvariantChecker {
  readonly violations: string[] = [];
  readonly #law: Law;
  readonly #pods = new Map<string, SeenPod>();
  readonly #made = new Map<string, number>();
  /** How many batches of an image were let out; images of no change are not in it. */
  readonly #batches = new Map<string, number>();
  #isUp = false;

  constructor(sandbox: Sandbox, law: Law) {
    this.#law = law;
    sandbox.onPod((event) => {
      this.#see(event);
      this.#lookAtReady(event.atMs);
    });
  }

  /** From now on this image may come out in batches only. */
  expect(image: string): void {
    if (!this.#batches.has(image)) this.#batches.set(image, 1);
  }

  /** How many pods of this image there ever were. */
  made(image: string): number {
    return this.#made.get(image) ?? 0;
  }

  report(violation: string): void {
    if (this.violations.length < 5) this.violations.push(violation);
  }

  #see({ kind, pod, atMs }: PodEvent): void {
    const { uid } = pod.metadata;
    const image = pod.spec.containers[0]?.image ?? '';
    const known = this.#pods.get(uid);
    if (known === undefined) {
      this.#made.set(image, this.made(image) + 1);
      this.#lookAtBatch(image, atMs);
    }
    const readySince = isReady(pod) ? (known?.readySince ?? atMs) : undefined;
    if (kind === 'Deleted') this.#pods.delete(uid);
    else this.#pods.set(uid, { image, readySince });
  }

  /** One more pod of this image: either the batch has room for it, or it was good for long enough. */
  #lookAtBatch(image: string, now: number): void {
    const { targets, soakMs } = this.#law;
    const batch = this.#batches.get(image);
    const target = targets[(batch ?? 0) - 1];
    const others = [...this.#pods.values()].filter((pod) => pod.image === image);
    if (batch === undefined || target === undefined || others.length < target) return;
    const due = Math.max(...others.map(({ readySince = Infinity }) => readySince)) + soakMs;
    if (now < due) {
      this.report(
        `pod ${others.length + 1} of ${image} at ${now}, batch ${batch} soaks till ${due}`,
      );
    }
    this.#batches.set(image, batch + 1);
  }

  #lookAtReady(now: number): void {
    const { replicas, unavailable } = this.#law;
    const ready = [...this.#pods.values()].filter((p) => p.readySince !== undefined).length;
    this.#isUp ||= ready === replicas;
    if (this.#isUp && ready < replicas - unavailable) this.report(`${ready} pods ready at ${now}`);
  }
}

const isReady = ({ metadata, status }: PodEvent['pod']): boolean =>
  metadata.deletionTimestamp === undefined &&
  (status.conditions ?? []).some(({ type, status: is }) => type === 'Ready' && is === 'True');
