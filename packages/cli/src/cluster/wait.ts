// SPDX-License-Identifier: Apache-2.0
import {
  KubeError,
  keyOf,
  type Client,
  type KubeObject,
  type APIResource,
  type Scheduler,
} from '@altershield/kube';

export interface WaitOptions<T> {
  readonly client: Pick<Client, 'get' | 'watch'>;
  readonly scheduler: Scheduler;
  readonly resource: APIResource;
  readonly until: (object: T) => boolean;
  readonly timeoutMs: number;
  /** Ends the wait early. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Watches an object until it meets the condition. `undefined` when the time is over, the object is
 * deleted, or the user may not watch it.
 */
export async function waitUntil<T extends KubeObject>(
  object: T,
  options: WaitOptions<T>,
): Promise<T | undefined> {
  const limit = new AbortController();
  const timer = options.scheduler.after(options.timeoutMs, () => {
    limit.abort();
  });
  const { signal = limit.signal } = options;
  const either = AbortSignal.any([limit.signal, signal]);
  try {
    return await follow(object, options, either);
  } catch (error) {
    if (either.aborted || error instanceof KubeError) return undefined;
    throw error;
  } finally {
    timer.cancel();
    limit.abort();
  }
}

async function follow<T extends KubeObject>(
  start: T,
  options: WaitOptions<T>,
  signal: AbortSignal,
): Promise<T> {
  const { client, resource, until } = options;
  let object = start;
  while (!until(object)) {
    const found = await firstInWatch(object, options, signal);
    object = found ?? (await client.get<T>(resource, keyOf(object), { signal }));
  }
  return object;
}

/** The first version that is as wanted; `undefined` when the object or the watch ended. */
async function firstInWatch<T extends KubeObject>(
  object: T,
  { client, resource, until, timeoutMs }: WaitOptions<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  const events = client.watch<T>(resource, {
    namespace: object.metadata.namespace,
    fieldSelector: `metadata.name=${object.metadata.name}`,
    resourceVersion: object.metadata.resourceVersion,
    timeoutSeconds: Math.max(1, Math.ceil(timeoutMs / 1000)),
    signal,
  });
  for await (const event of events) {
    if (event.type === 'DELETED') return undefined;
    if (event.type !== 'BOOKMARK' && until(event.object)) return event.object;
  }
  return undefined;
}
