// SPDX-License-Identifier: Apache-2.0

import type { ClusterAccess } from '../../cluster/access.ts';
import type { Pod } from './pods.ts';
import { Timeline } from './timeline.ts';
import { ObjectWatch, type Collection } from './watch-objects.ts';

/** Records every watch event of the pods that a label selector selects, from now until `stop`. */
export async function watchPods(
  cluster: ClusterAccess,
  namespace: string,
  selector = '',
): Promise<PodRecorder> {
  const recorder = new PodRecorder({
    endpoint: cluster.endpoint('admin'),
    path: `/api/v1/namespaces/${namespace}/pods`,
    query: `labelSelector=${encodeURIComponent(selector)}`,
  });
  await recorder.start();
  return recorder;
}

/** A watch of pods that outlives restarts of the API server. */
export class PodRecorder {
  timeline = new Timeline();
  readonly #watch: ObjectWatch<Pod>;
  readonly #listeners = new Set<() => void>();

  constructor(collection: Collection) {
    this.#watch = new ObjectWatch<Pod>(collection, (type, pod) => {
      this.timeline.add({ type, pod, at: performance.now() });
      for (const listener of [...this.#listeners]) listener();
    });
  }

  /** How often the server had forgotten events between two watches, so that states may be missing. */
  get gaps(): number {
    return this.#watch.gaps;
  }

  async start(): Promise<void> {
    this.timeline = new Timeline(await this.#watch.start());
  }

  /** Resolves as soon as the timeline shows it; throws after `timeoutMs` (30 s). */
  async until(
    what: string,
    shows: (timeline: Timeline) => boolean,
    timeoutMs = 30_000,
  ): Promise<void> {
    const deadline = AbortSignal.timeout(timeoutMs);
    while (!shows(this.timeline)) {
      if (deadline.aborted) {
        const pods = JSON.stringify(this.timeline.pods.map(summary), undefined, 1);
        throw new Error(`wait for ${what}: not there after ${timeoutMs} ms. The pods: ${pods}`);
      }
      await this.#nextEvent(deadline);
    }
  }

  async stop(): Promise<void> {
    await this.#watch.stop();
  }

  #nextEvent(deadline: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#listeners.delete(done);
        deadline.removeEventListener('abort', done);
        resolve();
      };
      this.#listeners.add(done);
      deadline.addEventListener('abort', done);
    });
  }
}

function summary({ metadata, spec, status }: Pod): unknown {
  const { image } = spec.containers[0] ?? {};
  return { name: metadata.name, image, phase: status.phase, containers: status.containerStatuses };
}
