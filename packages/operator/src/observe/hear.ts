// SPDX-License-Identifier: Apache-2.0
import { isLeaving } from '@altershield/core';
import {
  formatLabelSelector,
  isNewer,
  RESOURCES,
  type Client,
  type ListPage,
  type Scheduler,
} from '@altershield/kube';
import type { DeploymentObject, PodObject } from '../kinds.ts';
import { BY_OWNER, revisionsOf, type World } from './world.ts';

export interface HearDeps {
  readonly client: Pick<Client, 'list'>;
  readonly world: Pick<World, 'pods' | 'replicaSets'>;
  readonly scheduler: Pick<Scheduler, 'now'>;
}

/** A page is parsed in one go; this many pods take less than 15 ms. */
const PAGE = 50;
/** A watch may be behind by so much without being given up. */
const LAG_MS = 5000;

/**
 * A quiet watch of pods says for up to a minute neither that all is well nor that it is dead. This
 * reads the pods of a Deployment once: if ours are the same, they are complete up to now. If not, the
 * watch is behind, and one that has said nothing for a while is opened anew.
 *
 * @returns up to when our copy is complete, milliseconds since the epoch; undefined: not known
 */
export async function hear(
  deployment: DeploymentObject,
  { client, world, scheduler }: HearDeps,
  signal: AbortSignal,
): Promise<number | undefined> {
  const askedAt = scheduler.now();
  const listed = await listPods(deployment, client, signal);
  if (isKnown(listed, deployment, world)) return askedAt;
  for (const informer of [world.pods, world.replicaSets]) {
    const isSilent = askedAt - informer.heardAt > LAG_MS;
    if (isSilent) informer.reopen('the server knows of pods what the watch did not say');
  }
  return undefined;
}

interface Listed {
  readonly pods: readonly PodObject[];
  readonly resourceVersion: string;
}

async function listPods(
  { metadata, spec }: DeploymentObject,
  client: HearDeps['client'],
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

/** Whether our copy has all that was listed, or something newer, and nothing that is gone. */
function isKnown(
  { pods, resourceVersion }: Listed,
  { metadata }: DeploymentObject,
  world: HearDeps['world'],
): boolean {
  const revisions = new Set(revisionsOf(world, metadata.uid).map((rs) => rs.metadata.uid));
  const copies = [...revisions].flatMap((uid) => world.pods.byIndex(BY_OWNER, uid));
  const uids = new Set(pods.map((pod) => pod.metadata.uid));
  const isUpToDate = (pod: PodObject): boolean => {
    const set = setOf(pod);
    // Others may share the labels: bare pods, Jobs, another Deployment.
    if (set === undefined) return true;
    // One of a revision that is deleted may be stuck for days, on a node that is lost.
    if (!revisions.has(set.uid) && isLeaving(pod)) return true;
    if (!revisions.has(set.uid)) return world.replicaSets.get(at(pod, set.name)) !== undefined;
    const copy = world.pods.get(at(pod, pod.metadata.name));
    return copy !== undefined && !isLater(pod, copy.metadata.resourceVersion);
  };
  const isThere = (copy: PodObject): boolean =>
    uids.has(copy.metadata.uid) || isLater(copy, resourceVersion);
  return pods.every(isUpToDate) && copies.every(isThere);
}

const isLater = ({ metadata }: PodObject, version: string): boolean =>
  isNewer(metadata.resourceVersion, version);

const setOf = ({ metadata }: PodObject) =>
  metadata.ownerReferences?.find((o) => o.controller === true && o.kind === 'ReplicaSet');

const at = ({ metadata: { namespace = '' } }: PodObject, name: string) => ({ namespace, name });
