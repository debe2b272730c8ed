// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import {
  POD_TEMPLATE_HASH,
  REVISION_LABEL,
  ownershipOf,
  type ContainerRules,
  type ContainerStatus,
} from '@altershield/core';
import type { KubeObject, Resource } from '@altershield/kube';
import type { PodObject, ReplicaSetObject, WorkloadKubeObject } from '../kinds.ts';

/** What is kept of each object in memory: what decisions read, and nothing else. */

/** Managed fields shrink to who and when, and to the text that a rollback restores them from. */
export function slimWorkload(workload: WorkloadKubeObject): WorkloadKubeObject {
  const { managedFields = [], ...metadata } = workload.metadata;
  const managers = managedFields.map(withoutFields);
  const ownership = ownershipOf(workload);
  return {
    ...workload,
    metadata: { ...metadata, managedFields: managers },
    ...opt('ownership', ownership),
  };
}

function withoutFields(entry: unknown): unknown {
  if (typeof entry !== 'object' || entry === null) return entry;
  return Object.fromEntries(Object.entries(entry).filter(([key]) => key !== 'fieldsV1'));
}

export function slimReplicaSet(rs: ReplicaSetObject): ReplicaSetObject {
  const { managedFields: _, annotations, labels, ...metadata } = rs.metadata;
  const { apiVersion, kind, spec, status } = rs;
  const { replicas, minReadySeconds, template } = spec;
  const { replicas: total, readyReplicas, availableReplicas = 0, conditions } = status ?? {};
  return {
    apiVersion,
    kind,
    metadata: {
      ...metadata,
      ...opt('labels', only(labels, POD_TEMPLATE_HASH)),
      ...opt('annotations', only(annotations, ANNOTATIONS.release)),
    },
    spec: {
      ...opt('replicas', replicas),
      ...opt('minReadySeconds', minReadySeconds),
      ...opt('template', template),
    },
    status: {
      ...opt('replicas', total),
      ...opt('readyReplicas', readyReplicas),
      availableReplicas,
      ...optList(
        'conditions',
        conditions?.filter((c) => c.type === 'ReplicaFailure'),
      ),
    },
  };
}

type Strings = Readonly<Record<string, string>>;

function only(map: Strings | undefined, key: string): Strings | undefined {
  const value = map?.[key];
  return value === undefined ? undefined : { [key]: value };
}

export function slimPod(pod: PodObject): PodObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp, labels } =
    pod.metadata;
  const owners = pod.metadata.ownerReferences?.filter((owner) => owner.controller === true);
  const { phase, reason, message, conditions, containerStatuses, initContainerStatuses } =
    pod.status ?? {};
  return {
    apiVersion: pod.apiVersion,
    kind: pod.kind,
    metadata: {
      name,
      uid,
      resourceVersion,
      creationTimestamp,
      ...opt('namespace', namespace),
      ...opt('deletionTimestamp', deletionTimestamp),
      ...opt('ownerReferences', owners),
      ...opt('labels', only(labels, REVISION_LABEL)),
    },
    spec: slimSpec(pod.spec),
    status: {
      ...opt('phase', phase),
      ...opt('reason', reason),
      ...opt('message', message),
      ...opt(
        'conditions',
        conditions?.filter((c) => KEPT_CONDITIONS.has(c.type)),
      ),
      ...opt('containerStatuses', containerStatuses?.map(slimContainer)),
      ...opt('initContainerStatuses', initContainerStatuses?.map(slimContainer)),
    },
  };
}

const KEPT_CONDITIONS: ReadonlySet<string> = new Set(['Ready', 'PodScheduled']);

const slimSpec = ({
  nodeName,
  containers,
  initContainers,
}: NonNullable<PodObject['spec']> = {}) => ({
  ...opt('nodeName', nodeName),
  ...optList('containers', containers?.flatMap(slimRules)),
  ...optList('initContainers', initContainers?.flatMap(slimRules)),
});

/** Of the containers' specs only the restart rules, which hardly any pod has. */
const slimRules = ({ name, restartPolicyRules = [] }: ContainerRules): ContainerRules[] =>
  restartPolicyRules.length === 0 ? [] : [{ name, restartPolicyRules }];

const slimContainer = (container: ContainerStatus): ContainerStatus => {
  const { name, ready, restartCount, state, lastState } = container;
  return {
    name,
    ...opt('ready', ready),
    ...opt('restartCount', restartCount),
    ...opt('state', state),
    ...opt('lastState', lastState),
  };
};

/** A field that is there only when it has a value. */
function opt<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: V });
}

/** The same of a list, which is left out when it is empty. */
const optList = <K extends string, V>(key: K, list: readonly V[] | undefined) =>
  opt(key, list?.length === 0 ? undefined : list);

const TRANSFORMS: Readonly<Record<string, unknown>> = { Pod: slimPod, ReplicaSet: slimReplicaSet };

/**
 * What the cache keeps of an object of this kind; undefined: everything but managed fields. One
 * function for each: informers are shared by it.
 */
export const transformFor = <T extends KubeObject>({
  kind,
}: Pick<Resource, 'kind'>): ((object: T) => T) | undefined =>
  TRANSFORMS[kind] as ((object: T) => T) | undefined;
