// SPDX-License-Identifier: Apache-2.0

import type { Client, KubeObject, APIResource, WatchEvent } from '@altershield/kube';
import { Timeline } from '../e2e/support/timeline.ts';
import type { Pod } from '../e2e/support/pods.ts';
import { RESOURCES } from '@altershield/kube';
import { until, type ContractTarget } from './target.ts';

export interface Watching<T extends KubeObject> {
  readonly events: readonly WatchEvent<T>[];
  /** Resolves when the server has ended the watch; rejects when it broke. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

interface WatchWishes {
  readonly namespace: string;
  readonly resourceVersion: string;
  readonly labelSelector?: string;
  readonly timeoutSeconds?: number;
  readonly onEvent?: (event: WatchEvent) => void;
}

/** Watches in the background and keeps everything that comes. */
export function watching<T extends KubeObject>(
  client: Client,
  resource: APIResource,
  { onEvent = () => undefined, timeoutSeconds = 600, ...wishes }: WatchWishes,
): Watching<T> {
  const events: WatchEvent<T>[] = [];
  const abort = new AbortController();
  const { signal } = abort;
  const read = async (): Promise<void> => {
    for await (const event of client.watch<T>(resource, { ...wishes, timeoutSeconds, signal })) {
      events.push(event);
      onEvent(event);
    }
  };
  const ended = read();
  ended.catch(() => undefined);
  const stop = async (): Promise<void> => {
    abort.abort(new Error('the test has seen enough'));
    await ended.catch(() => undefined);
  };
  return { events, ended, stop };
}

/** Every state of the pods of a namespace from now on. */
export async function recordPods(
  target: ContractTarget,
  namespace: string,
): Promise<{
  timeline: Timeline;
  stop: () => Promise<void>;
  settled: (
    what: string,
    shows: (pods: readonly Pod[]) => boolean,
    timeoutMs?: number,
  ) => Promise<void>;
}> {
  const { items, resourceVersion } = await target.admin.list(RESOURCES.pod, { namespace });
  const timeline = new Timeline(items as unknown[] as Pod[]);
  const { stop } = watching(target.admin, RESOURCES.pod, {
    namespace,
    resourceVersion,
    onEvent: ({ type, object }) => {
      if (type === 'BOOKMARK') return;
      timeline.add({ type, pod: object as unknown as Pod, at: target.scheduler.now() });
    },
  });
  const settled = async (
    what: string,
    shows: (pods: readonly Pod[]) => boolean,
    timeoutMs?: number,
  ): Promise<void> => {
    await until(target, what, () => Promise.resolve(shows(timeline.pods)), timeoutMs);
  };
  return { timeline, stop, settled };
}
