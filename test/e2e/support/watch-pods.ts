// SPDX-License-Identifier: Apache-2.0

import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { callApi, openApi, type Endpoint } from '../../cluster/api.ts';
import type { ClusterAccess } from '../../cluster/access.ts';
import type { Pod } from './pods.ts';
import { Timeline, type PodEvent } from './timeline.ts';

const RETRY_MS = 200;

/** Records every watch event of the pods that a label selector selects, from now until `stop`. */
export async function watchPods(
  cluster: ClusterAccess,
  namespace: string,
  selector = '',
): Promise<PodRecorder> {
  const recorder = new PodRecorder(cluster.endpoint('admin'), namespace, selector);
  await recorder.start();
  return recorder;
}

/** A watch of pods that outlives restarts of the API server. */
export class PodRecorder {
  timeline = new Timeline();
  readonly #endpoint: Endpoint;
  readonly #path: string;
  readonly #query: string;
  readonly #abort = new AbortController();
  readonly #listeners = new Set<() => void>();
  #resourceVersion = '';
  #running: Promise<void> = Promise.resolve();
  #gaps = 0;

  constructor(endpoint: Endpoint, namespace: string, selector: string) {
    this.#endpoint = endpoint;
    this.#path = `/api/v1/namespaces/${namespace}/pods`;
    this.#query = `labelSelector=${encodeURIComponent(selector)}`;
  }

  /** How often the server had forgotten events between two watches, so that states may be missing. */
  get gaps(): number {
    return this.#gaps;
  }

  async start(): Promise<void> {
    this.timeline = new Timeline(await this.#list());
    this.#running = this.#watchOn();
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
    this.#abort.abort();
    await this.#running.catch(() => undefined);
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

  async #watchOn(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      // The server is away or has ended the watch: go on from the last event.
      await this.#watchOnce().catch(() =>
        sleep(RETRY_MS, undefined, { signal: this.#abort.signal }),
      );
    }
  }

  async #watchOnce(): Promise<void> {
    const query = `${this.#query}&watch=1&resourceVersion=${this.#resourceVersion}`;
    const path = `${this.#path}?${query}&allowWatchBookmarks=true`;
    const stream = await openApi(this.#endpoint, { path, signal: this.#abort.signal });
    for await (const line of createInterface({ input: stream })) {
      const event = JSON.parse(line) as WatchEvent;
      if (event.type === 'ERROR') {
        await this.#relist();
        return;
      }
      this.#resourceVersion = event.object.metadata.resourceVersion;
      if (event.type !== 'BOOKMARK') this.#add({ type: event.type, pod: event.object });
    }
  }

  async #relist(): Promise<void> {
    this.#gaps += 1;
    const found = await this.#list();
    const uids = new Set(found.map(({ metadata }) => metadata.uid));
    for (const pod of this.timeline.pods) {
      if (!uids.has(pod.metadata.uid)) this.#add({ type: 'DELETED', pod });
    }
    for (const pod of found) this.#add({ type: 'MODIFIED', pod });
  }

  async #list(): Promise<Pod[]> {
    const list = (await callApi(this.#endpoint, {
      path: `${this.#path}?${this.#query}`,
    })) as PodList;
    this.#resourceVersion = list.metadata.resourceVersion;
    return list.items;
  }

  #add({ type, pod }: Omit<PodEvent, 'at'>): void {
    this.timeline.add({ type, pod, at: performance.now() });
    for (const listener of [...this.#listeners]) listener();
  }
}

interface PodList {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: Pod[];
}

type WatchEvent =
  | { readonly type: PodEvent['type'] | 'BOOKMARK'; readonly object: Pod }
  | { readonly type: 'ERROR' };

function summary({ metadata, status }: Pod): unknown {
  return { name: metadata.name, phase: status.phase, containers: status.containerStatuses };
}
