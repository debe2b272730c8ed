// SPDX-License-Identifier: Apache-2.0
import { OWN } from '@altershield/api';
import { POD_TEMPLATE_HASH, type Template } from '@altershield/core';
import {
  RESOURCES,
  keyString,
  type Informer,
  type InformerFactory,
  type KubeObject,
} from '@altershield/kube';
import {
  BATCHES,
  CHANGES,
  POLICIES,
  type BatchObject,
  type ChangeObject,
  type DeploymentObject,
  type PodObject,
  type PolicyObject,
  type ReplicaSetObject,
} from '../kinds.ts';
import { slimDeployment, slimPod, slimReplicaSet } from './slim.ts';

/** Indexes by what one asks for: owners by uid, changes by the name of their workload. */
export const BY_OWNER = 'owner';
export const BY_TARGET = 'target';

export interface Configuration extends KubeObject {
  readonly webhooks?: readonly unknown[];
}

/** The cluster as far as we follow it: one shared copy per resource. */
export interface World {
  readonly policies: Informer<PolicyObject>;
  readonly changes: Informer<ChangeObject>;
  readonly batches: Informer<BatchObject>;
  readonly namespaces: Informer<KubeObject>;
  readonly deployments: Informer<DeploymentObject>;
  readonly replicaSets: Informer<ReplicaSetObject>;
  readonly pods: Informer<PodObject>;
  /** Our own webhook configurations, nobody else's. */
  readonly configurations: readonly Informer<Configuration>[];
}

/** @param isOurs tells the records that we wrote: no other one is found by its workload, nor one that is being deleted */
export function createWorld(
  informers: InformerFactory,
  isOurs: (change: ChangeObject) => boolean,
): World {
  const indexes = { [BY_OWNER]: ownerUids };
  const targetOf = (change: ChangeObject): string[] =>
    isOurs(change) && change.metadata.deletionTimestamp === undefined
      ? [targetOfChange(change)]
      : [];
  return {
    policies: informers.informer<PolicyObject>(POLICIES),
    changes: informers.informer<ChangeObject>(CHANGES, { indexes: { [BY_TARGET]: targetOf } }),
    batches: informers.informer<BatchObject>(BATCHES, { indexes }),
    namespaces: informers.informer(RESOURCES.namespace),
    deployments: informers.informer<DeploymentObject>(RESOURCES.deployment, {
      transform: slimDeployment,
    }),
    replicaSets: informers.informer<ReplicaSetObject>(RESOURCES.replicaSet, {
      transform: slimReplicaSet,
      indexes,
    }),
    pods: informers.informer<PodObject>(RESOURCES.pod, { transform: slimPod, indexes }),
    configurations: [RESOURCES.mutatingWebhook, RESOURCES.validatingWebhook].map((resource) =>
      informers.informer<Configuration>(resource, {
        fieldSelector: `metadata.name=${OWN.webhooks}`,
      }),
    ),
  };
}

const ownerUids = ({ metadata }: KubeObject): string[] =>
  (metadata.ownerReferences ?? []).map((owner) => owner.uid);

/** `namespace/Kind/name` of a change's workload. */
const targetOfChange = ({ metadata, spec }: ChangeObject): string =>
  targetKey(metadata.namespace ?? '', spec.target.kind, spec.target.name);

export const targetKey = (namespace: string, kind: string, name: string): string =>
  `${namespace}/${kind}/${name}`;

/** Our records of a workload by its name, oldest first. */
export const changesOf = (
  { changes }: Pick<World, 'changes'>,
  namespace: string,
  name: string,
): ChangeObject[] =>
  changes
    .byIndex(BY_TARGET, targetKey(namespace, 'Deployment', name))
    .sort((a, b) => a.spec.sequence - b.spec.sequence);

/** The highest number that a change of a workload had, as far as the records tell: that record may be deleted. */
export const lastNumber = (changes: readonly ChangeObject[]): number =>
  Math.max(0, ...changes.flatMap((c) => [c.spec.sequence, c.status?.rolledBackAfter ?? 0]));

/** The ReplicaSets that a Deployment owns. */
export const revisionsOf = (
  { replicaSets }: Pick<World, 'replicaSets'>,
  uid: string,
): ReplicaSetObject[] => replicaSets.byIndex(BY_OWNER, uid);

/** `pod-template-hash` of the ReplicaSet of a Deployment that has this template. */
export function hashOf(
  world: Pick<World, 'replicaSets'>,
  { uid, template }: { readonly uid: string; readonly template: Template },
  fingerprintOf: (template: Template) => string,
): string | undefined {
  const wanted = fingerprintOf(template);
  return revisionsOf(world, uid).find(
    ({ spec }) => spec.template !== undefined && fingerprintOf(spec.template) === wanted,
  )?.metadata.labels?.[POD_TEMPLATE_HASH];
}

/** The Deployment that owns a pod, by its ReplicaSet; undefined while that is not known. */
export function deploymentOfPod(
  { replicaSets }: Pick<World, 'replicaSets'>,
  { metadata }: KubeObject,
): string | undefined {
  const owner = metadata.ownerReferences?.find((o) => o.kind === 'ReplicaSet');
  if (owner === undefined) return undefined;
  const namespace = metadata.namespace ?? '';
  const rs = replicaSets.get(keyString({ namespace, name: owner.name }));
  return rs === undefined ? undefined : deploymentOf(rs);
}

/** `namespace/name` of the Deployment that owns a ReplicaSet. */
export function deploymentOf({ metadata }: KubeObject): string | undefined {
  const owner = metadata.ownerReferences?.find((o) => o.kind === 'Deployment');
  if (owner === undefined) return undefined;
  return keyString({ namespace: metadata.namespace ?? '', name: owner.name });
}

/** The Deployment that owns a ReplicaSet, as the cache has it; never another one of its name. */
export function owningDeployment(
  { deployments }: Pick<World, 'deployments'>,
  { metadata }: Pick<KubeObject, 'metadata'>,
): DeploymentObject | undefined {
  const { namespace = '', ownerReferences = [] } = metadata;
  const owner = ownerReferences.find((o) => o.kind === 'Deployment');
  const found = owner && deployments.get({ namespace, name: owner.name });
  return found?.metadata.uid === owner?.uid ? found : undefined;
}
