// SPDX-License-Identifier: Apache-2.0
import { isTerminating } from '@altershield/core';
import {
  formatLabelSelector,
  isNewer,
  isNotFound,
  keyOf,
  RESOURCES,
  type Client,
  type Informer,
  type KubeObject,
  type ListPage,
  type Scheduler,
} from '@altershield/kube';
import type { PodObject, WorkloadKubeObject } from '../../objects.ts';
import { BY_OWNER, isSilent, type Workload } from '../../kinds/followed-kind.ts';
import type { Caches } from '../caches.ts';

export interface VerifyDeps {
  readonly client: Pick<Client, 'get' | 'list'>;
  readonly caches: Pick<Caches, 'pods'>;
  readonly scheduler: Pick<Scheduler, 'now'>;
}

/** A page is parsed synchronously; this many pods take less than 15 ms. */
const PAGE = 50;

/**
 * For up to a minute, a silent watch may be healthy or dead. This function lists the pods of a
 * workload once, and reads what else decides about them where its watch is silent: if all matches
 * the cache, the cache is complete. Otherwise a watch lags; one that is silent is restarted.
 *
 * @returns up to when the cache is complete, milliseconds since the epoch; undefined: unknown
 */
export async function verifyPodCache(
  workload: Workload,
  deps: VerifyDeps,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { kind, object } = workload;
  const askedAt = deps.scheduler.now();
  const owned = kind.ownedInformers.filter((informer) => isSilent(informer, askedAt));
  const [pods, ...others] = await Promise.all([
    listPods(object, deps.client, signal).then((listed) =>
      isCurrent(listed, workload, deps.caches),
    ),
    ...owned.map((informer) => isOwnedCurrent(informer, object, deps.client, signal)),
    isSilent(kind.objects, askedAt) ? isWorkloadCurrent(workload, deps.client, signal) : true,
  ]);
  if (pods && others.every(Boolean)) {
    const heard = [kind.objects, ...kind.ownedInformers].filter((each) => !isSilent(each, askedAt));
    return Math.min(askedAt, ...heard.map(({ currentAsOf }) => currentAsOf));
  }
  kind.restartSilentWatches(askedAt, 'the server has objects that the watch did not report');
  return undefined;
}

/** Revisions that are not cached would hide the pods of a change. */
async function isOwnedCurrent(
  informer: Informer<KubeObject>,
  { metadata, spec }: WorkloadKubeObject,
  client: VerifyDeps['client'],
  signal: AbortSignal,
): Promise<boolean> {
  const { namespace, uid } = metadata;
  const labelSelector = formatLabelSelector(spec.selector ?? {});
  const { items } = await client.list(informer.resource, {
    ...{ namespace, labelSelector, signal },
  });
  return items
    .filter(({ metadata: { ownerReferences = [] } }) => ownerReferences.some((o) => o.uid === uid))
    .every((item) => isCached(item, informer.get(keyOf(item))));
}

async function isWorkloadCurrent(
  { kind, object }: Workload,
  client: VerifyDeps['client'],
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const live = await client.get(kind.objects.resource, keyOf(object), { signal });
    return isCached(live, kind.objects.get(keyOf(object)));
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

const isCached = (live: KubeObject, copy: KubeObject | undefined): boolean =>
  copy !== undefined && !isLater(live, copy.metadata.resourceVersion);

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
    return isCached(pod, copy);
  };
  const isThere = (copy: PodObject): boolean =>
    uids.has(copy.metadata.uid) || isLater(copy, resourceVersion);
  return pods.every(isUpToDate) && copies.every(isThere);
}

const isLater = ({ metadata }: Pick<KubeObject, 'metadata'>, version: string): boolean =>
  isNewer(metadata.resourceVersion, version);

const ownerOf = ({ metadata }: PodObject, kind: string) =>
  metadata.ownerReferences?.find((o) => o.controller === true && o.kind === kind);

const at = ({ metadata: { namespace = '' } }: PodObject, name: string) => ({ namespace, name });
