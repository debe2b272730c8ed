// SPDX-License-Identifier: Apache-2.0
import { isTerminating } from '@altershield/core';
import {
  formatLabelSelector,
  isNewer,
  RESOURCES,
  type Client,
  type ListPage,
  type Scheduler,
} from '@altershield/kube';
import type { PodObject, WorkloadKubeObject } from '../../objects.ts';
import { BY_OWNER, type Workload } from '../../kinds/followed-kind.ts';
import type { Caches } from '../caches.ts';

export interface VerifyDeps {
  readonly client: Pick<Client, 'list'>;
  readonly caches: Pick<Caches, 'pods'>;
  readonly scheduler: Pick<Scheduler, 'now'>;
}

/** A page is parsed synchronously; this many pods take less than 15 ms. */
const PAGE = 50;
/** A watch may lag by this much before it is restarted. */
const LAG_MS = 5000;

/**
 * For up to a minute, a silent pod watch may be healthy or dead. This function lists the pods of a
 * workload once: if they match the cache, the cache is complete up to now. Otherwise the watch
 * lags; if it has been silent for longer than `LAG_MS`, it is restarted.
 *
 * @returns up to when the cache is complete, milliseconds since the epoch; undefined: unknown
 */
export async function verifyPodCache(
  { kind, object }: Workload,
  { client, caches, scheduler }: VerifyDeps,
  signal: AbortSignal,
): Promise<number | undefined> {
  const askedAt = scheduler.now();
  const listed = await listPods(object, client, signal);
  if (isCurrent(listed, { kind, object }, caches)) return askedAt;
  for (const { informer } of kind.related) {
    const isSilent = askedAt - informer.currentAsOf > LAG_MS;
    if (isSilent) informer.restartWatch('a list has pods that the watch did not report');
  }
  return undefined;
}

interface Listed {
  readonly pods: readonly PodObject[];
  readonly resourceVersion: string;
}

async function listPods(
  { metadata, spec }: WorkloadKubeObject,
  client: VerifyDeps['client'],
  signal: AbortSignal,
): Promise<Listed> {
  const { namespace } = metadata;
  const labelSelector = formatLabelSelector(spec.selector ?? {});
  const pods: PodObject[] = [];
  let token: string | undefined = '';
  let resourceVersion = '';
  while (token !== undefined) {
    const options = { namespace, labelSelector, limit: PAGE, continue: token, signal };
    const page: ListPage<PodObject> = await client.list<PodObject>(RESOURCES.pod, options);
    pods.push(...page.items);
    ({ continue: token, resourceVersion } = page);
  }
  return { pods, resourceVersion };
}

/** True if the cache has all listed pods, in this or a newer version, and no deleted ones. */
function isCurrent(
  { pods, resourceVersion }: Listed,
  { kind, object }: Workload,
  caches: VerifyDeps['caches'],
): boolean {
  const owners = kind.podOwnerUids(object);
  const { kind: ownerKind, informer } = kind.podOwners;
  const copies = [...owners].flatMap((uid) => caches.pods.byIndex(BY_OWNER, uid));
  const uids = new Set(pods.map((pod) => pod.metadata.uid));
  const isUpToDate = (pod: PodObject): boolean => {
    const owner = ownerOf(pod, ownerKind);
    // Other pods may have the same labels, e.g. bare pods or pods of a Job.
    if (owner === undefined) return true;
    // A pod of a deleted revision may be stuck in termination for days, on a lost node.
    if (!owners.has(owner.uid) && isTerminating(pod)) return true;
    if (!owners.has(owner.uid)) return informer.get(at(pod, owner.name)) !== undefined;
    const copy = caches.pods.get(at(pod, pod.metadata.name));
    return copy !== undefined && !isLater(pod, copy.metadata.resourceVersion);
  };
  const isThere = (copy: PodObject): boolean =>
    uids.has(copy.metadata.uid) || isLater(copy, resourceVersion);
  return pods.every(isUpToDate) && copies.every(isThere);
}

const isLater = ({ metadata }: PodObject, version: string): boolean =>
  isNewer(metadata.resourceVersion, version);

const ownerOf = ({ metadata }: PodObject, kind: string) =>
  metadata.ownerReferences?.find((o) => o.controller === true && o.kind === kind);

const at = ({ metadata: { namespace = '' } }: PodObject, name: string) => ({ namespace, name });
