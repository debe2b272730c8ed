// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import {
  DESIRED_REPLICAS,
  POD_TEMPLATE_HASH,
  REVISION_LABEL,
  editableText,
  editorsOf,
  ownershipOf,
  type ContainerRules,
  type ContainerStatus,
} from '@altershield/core';
import type { KubeObject, APIResource } from '@altershield/kube';
import type {
  HttpRouteObject,
  PodObject,
  ReplicaSetObject,
  ServiceObject,
  WorkloadKubeObject,
} from '../objects.ts';

// The caches keep only the fields that decisions read.

/** Reduces managed fields to manager, time and the text from which a rollback restores them. */
export function trimWorkload(
  workload: WorkloadKubeObject,
  revisionPath?: string,
): WorkloadKubeObject {
  const { managedFields = [], ...metadata } = workload.metadata;
  const managers = managedFields.map(withoutFields);
  const ownership = ownershipOf(workload, revisionPath);
  return {
    ...workload,
    metadata: { ...metadata, managedFields: managers },
    ...optional('ownership', ownership),
  };
}

/** A Job is a workload of its own, and a run of a CronJob: both read the same cache. */
function trimJob(job: KubeObject): KubeObject {
  const { managedFields = [], ...metadata } = job.metadata;
  return { ...job, metadata: { ...metadata, managedFields: managedFields.map(withoutFields) } };
}

function withoutFields(entry: unknown): unknown {
  if (typeof entry !== 'object' || entry === null) return entry;
  return Object.fromEntries(Object.entries(entry).filter(([key]) => key !== 'fieldsV1'));
}

export function trimReplicaSet(rs: ReplicaSetObject): ReplicaSetObject {
  const { managedFields, annotations, labels, ...metadata } = rs.metadata;
  const { apiVersion, kind, spec, status } = rs;
  const { replicas, minReadySeconds, template } = spec;
  const { replicas: total, readyReplicas, availableReplicas = 0, conditions } = status ?? {};
  return {
    apiVersion,
    kind,
    metadata: {
      ...metadata,
      ...optional('labels', isBare(rs) ? labels : only(labels, POD_TEMPLATE_HASH)),
      ...optional('annotations', only(annotations, ANNOTATIONS.release, DESIRED_REPLICAS)),
      ...optionalList('managedFields', editorsOf(managedFields ?? [])),
    },
    spec: {
      ...optional('replicas', replicas),
      ...optional('minReadySeconds', minReadySeconds),
      ...optional('template', template),
    },
    status: {
      ...optional('replicas', total),
      ...optional('readyReplicas', readyReplicas),
      availableReplicas,
      ...optionalList(
        'conditions',
        conditions?.filter((c) => c.type === 'ReplicaFailure'),
      ),
    },
  };
}

export function trimService(service: ServiceObject): ServiceObject {
  const { apiVersion, kind, metadata, spec } = service;
  const { name, namespace, uid, resourceVersion, creationTimestamp, annotations } = metadata;
  const kept = annotations && (only(annotations, ANNOTATIONS.traffic) ?? {});
  return {
    apiVersion,
    kind,
    metadata: {
      ...{ name, uid, resourceVersion, creationTimestamp },
      ...optional('namespace', namespace),
      ...optional('annotations', kept),
    },
    spec: optional('selector', spec?.selector),
  };
}

export function trimNode({ apiVersion, kind, metadata }: KubeObject): KubeObject {
  const { name, uid, resourceVersion, creationTimestamp, labels } = metadata;
  return {
    ...{ apiVersion, kind },
    metadata: {
      ...{ name, uid, resourceVersion, creationTimestamp },
      ...optional('labels', labels),
    },
  };
}

/** Keeps the backends of each rule, and when each manager wrote. */
export function trimHttpRoute(route: HttpRouteObject): HttpRouteObject {
  const { apiVersion, kind, metadata, spec } = route;
  const { name, namespace, uid, resourceVersion, creationTimestamp, annotations } = metadata;
  const kept = annotations && (only(annotations, ANNOTATIONS.traffic) ?? {});
  return {
    apiVersion,
    kind,
    metadata: {
      ...{ name, uid, resourceVersion, creationTimestamp },
      managedFields: (metadata.managedFields ?? []).map(withoutFields),
      ...optional('namespace', namespace),
      ...optional('annotations', kept),
    },
    spec: {
      rules: (spec?.rules ?? []).map(({ backendRefs }) => optional('backendRefs', backendRefs)),
    },
  };
}

type Strings = Readonly<Record<string, string>>;

function only(map: Strings | undefined, ...keys: readonly string[]): Strings | undefined {
  const kept = Object.entries(map ?? {}).filter(([key]) => keys.includes(key));
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

export function trimPod(pod: PodObject): PodObject {
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
      ...optional('namespace', namespace),
      ...optional('deletionTimestamp', deletionTimestamp),
      ...optional('ownerReferences', owners),
      ...optional('labels', isBare(pod) ? labels : only(labels, REVISION_LABEL)),
      ...optionalList('managedFields', editorsOf(pod.metadata.managedFields ?? [])),
    },
    editable: editableText(pod),
    spec: trimSpec(pod.spec),
    status: {
      ...optional('phase', phase),
      ...optional('reason', reason),
      ...optional('message', message),
      ...optional(
        'conditions',
        conditions?.filter((c) => KEPT_CONDITIONS.has(c.type)),
      ),
      ...optional('containerStatuses', containerStatuses?.map(trimContainer)),
      ...optional('initContainerStatuses', initContainerStatuses?.map(trimContainer)),
    },
  };
}

/** No controller owns it. The policies are matched with its own labels then. */
export const isBare = ({ metadata }: KubeObject): boolean =>
  metadata.ownerReferences?.some(({ controller }) => controller === true) !== true;

const KEPT_CONDITIONS: ReadonlySet<string> = new Set(['Ready', 'PodScheduled']);

const trimSpec = ({
  nodeName,
  containers,
  initContainers,
}: NonNullable<PodObject['spec']> = {}) => ({
  ...optional('nodeName', nodeName),
  ...optionalList('containers', containers?.flatMap(trimRules)),
  ...optionalList('initContainers', initContainers?.flatMap(trimRules)),
});

/** Keeps only the restart rules of a container spec; few pods have any. */
const trimRules = ({ name, restartPolicyRules = [] }: ContainerRules): ContainerRules[] =>
  restartPolicyRules.length === 0 ? [] : [{ name, restartPolicyRules }];

const trimContainer = (container: ContainerStatus): ContainerStatus => {
  const { name, ready, restartCount, state, lastState } = container;
  return {
    name,
    ...optional('ready', ready),
    ...optional('restartCount', restartCount),
    ...optional('state', state),
    ...optional('lastState', lastState),
  };
};

/** An object with the field, or without it if the value is undefined. */
function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: V });
}

/** Like `optional`, but also omits an empty list. */
const optionalList = <K extends string, V>(key: K, list: readonly V[] | undefined) =>
  optional(key, list?.length === 0 ? undefined : list);

const TRANSFORMS: Readonly<Record<string, unknown>> = {
  Node: trimNode,
  Pod: trimPod,
  ReplicaSet: trimReplicaSet,
  Job: trimJob,
  Service: trimService,
  HTTPRoute: trimHttpRoute,
};

/**
 * The transform function of a kind; undefined: the cache drops only managed fields. A kind always
 * gets the same function, because informers are shared by the identity of their function.
 */
export const transformFor = <T extends KubeObject>({
  kind,
}: Pick<APIResource, 'kind'>): ((object: T) => T) | undefined =>
  TRANSFORMS[kind] as ((object: T) => T) | undefined;
