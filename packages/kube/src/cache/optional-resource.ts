// SPDX-License-Identifier: Apache-2.0
import { KubeError, isNotFound } from '../errors/errors.ts';
import { sleep, type Scheduler } from '../runtime/scheduler.ts';
import type { ListWatchClient } from './reflector.ts';

/** The version of the empty list of a resource that is not served. */
const ABSENT = '0';

/** How often to ask again for a resource that is not served. */
const RECHECK_MS = 30_000;

/**
 * Lists and watches a resource whose CRD may be missing, installed later or deleted: while it is not
 * served, there are no objects of it, and nothing is watched.
 */
export const optionalResource = (
  client: ListWatchClient,
  scheduler: Scheduler,
): ListWatchClient => ({
  list: async (resource, options) => {
    try {
      return await client.list(resource, options);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      return { items: [], resourceVersion: ABSENT };
    }
  },
  watch: async function* (resource, options) {
    if (options.resourceVersion === ABSENT) {
      options.opened?.();
      await sleep(scheduler, RECHECK_MS, options.signal);
      throw listAgain(resource.plural);
    }
    try {
      yield* client.watch(resource, options);
    } catch (error) {
      throw isNotFound(error) ? listAgain(resource.plural, error) : error;
    }
  },
});

/** Only after this status, a reflector lists again. */
const listAgain = (plural: string, cause?: unknown): KubeError =>
  new KubeError({
    doing: `watch ${plural}`,
    status: 410,
    server: { message: 'list again to see whether it is served', reason: 'Expired' },
    cause,
  });
