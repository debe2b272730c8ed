// SPDX-License-Identifier: Apache-2.0
import { apiVersionOf, RESOURCES, type KubeObject } from '@altershield/kube';
import { timestamp } from '../../api-server/util.ts';
import type { Cluster } from '../cluster.ts';
import type { StatefulSet } from '../types.ts';

interface Happened {
  readonly verb: 'create' | 'delete';
  readonly pod: string;
  /** Why it failed. */
  readonly error?: unknown;
}

interface Event extends KubeObject {
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  readonly involvedObject: { readonly uid: string };
}

/** Records an action on a pod for users, in the background: a lost Event has no effect. */
export function recordEvent(cluster: Cluster, set: StatefulSet, happened: Happened): void {
  write(cluster, eventOf(cluster, set, happened)).catch(() => undefined);
}

function eventOf(cluster: Cluster, set: StatefulSet, { verb, pod, error }: Happened) {
  const title = verb === 'create' ? 'Create' : 'Delete';
  const outcome = error === undefined ? 'successful' : `failed error: ${messageOf(error)}`;
  const now = timestamp(cluster.scheduler.now());
  const { name, namespace = '', uid } = set.metadata;
  const apiVersion = apiVersionOf(RESOURCES.statefulSet);
  return {
    metadata: { generateName: `${name}.`, namespace },
    involvedObject: { apiVersion, kind: 'StatefulSet', name, namespace, uid },
    type: error === undefined ? 'Normal' : 'Warning',
    reason: `${error === undefined ? 'Successful' : 'Failed'}${title}`,
    message: `${title} Pod ${pod} in StatefulSet ${name} ${outcome}`,
    source: { component: 'statefulset-controller' },
    count: 1,
    firstTimestamp: now,
    lastTimestamp: now,
  };
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** An Event with the same message is counted, not created again. */
async function write(cluster: Cluster, event: ReturnType<typeof eventOf>): Promise<void> {
  const known = cluster
    .list<Event>(RESOURCES.event, event.metadata.namespace)
    .find((one) => isSame(one, event));
  if (known === undefined) {
    await cluster.create(RESOURCES.event, event);
    return;
  }
  const { lastTimestamp } = event;
  const counted = { ...known, count: known.count + 1, lastTimestamp };
  await cluster.update(RESOURCES.event, counted);
}

const isSame = (one: Event, event: ReturnType<typeof eventOf>): boolean =>
  one.involvedObject.uid === event.involvedObject.uid &&
  one.reason === event.reason &&
  one.message === event.message;
