// SPDX-License-Identifier: Apache-2.0
import { OBJECT_NAMES } from '@altershield/api';
import { nativePolicies, type NativeKind } from '@altershield/core';
import {
  Controller,
  RESOURCES,
  isNotFound,
  type WriteThroughClient,
  type Client,
  type ControllerMetrics,
  type Informer,
  type InformerFactory,
  type KubeObject,
  type Logger,
  type APIResource,
  type Scheduler,
} from '@altershield/kube';
import { DriftBackoff } from './drift-backoff.ts';
import { publish, type Wanted } from './published.ts';

export interface NativePoliciesDeps {
  readonly informers: Pick<InformerFactory, 'informer'>;
  readonly client: WriteThroughClient;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly metrics?: ControllerMetrics | undefined;
  /** User name of the operator: the clamp ignores its writes. */
  readonly operatorUser: string;
}

const KEY = 'policies';

const RESOURCE_OF: Readonly<Record<NativeKind, APIResource>> = {
  MutatingAdmissionPolicy: RESOURCES.mutatingPolicy,
  MutatingAdmissionPolicyBinding: RESOURCES.mutatingPolicyBinding,
  ValidatingAdmissionPolicy: RESOURCES.validatingPolicy,
  ValidatingAdmissionPolicyBinding: RESOURCES.validatingPolicyBinding,
};

/** Keeps the admission policies in their desired state; they limit replicas in the API server. */
export function createNativePoliciesController(deps: NativePoliciesDeps): Controller {
  const { informers, scheduler, log, metrics, operatorUser } = deps;
  const driftBackoff = new DriftBackoff(deps);
  const wanted = nativePolicies(operatorUser).map(({ kind, name, spec }): Wanted => {
    return { resource: RESOURCE_OF[kind], name, field: 'spec', value: spec };
  });
  const controller = new Controller({
    name: 'native-policies',
    ...{ scheduler, log, metrics },
    reconcile: (_key, { signal }) =>
      publish(wanted, () => Promise.resolve(wanted), { ...deps, driftBackoff }, signal),
  });
  const driftCorrection = { delayMs: () => driftBackoff.delayMs() };
  for (const { resource, name } of wanted) {
    controller.watch(informerOf(informers, resource, name), () => KEY, driftCorrection);
  }
  controller.enqueue(KEY);
  return controller;
}

const informerOf = (
  informers: Pick<InformerFactory, 'informer'>,
  resource: APIResource,
  name: string,
): Informer<KubeObject> => informers.informer(resource, { fieldSelector: `metadata.name=${name}` });

/** Informers of the clamp's policy and binding; the clamp is in force once both objects exist. */
export const clampInformers = (
  informers: Pick<InformerFactory, 'informer'>,
): readonly Informer<KubeObject>[] =>
  [RESOURCES.mutatingPolicy, RESOURCES.mutatingPolicyBinding].map((resource) =>
    informerOf(informers, resource, OBJECT_NAMES.clamp),
  );

/** True if the API server serves stable MutatingAdmissionPolicy (Kubernetes 1.36 and later). */
export async function servesNativeClamp(client: Pick<Client, 'raw'>): Promise<boolean> {
  const { group, version, plural } = RESOURCES.mutatingPolicy;
  try {
    const list = await client.raw('GET', `/apis/${group}/${version}`);
    const { resources } = { resources: [], ...Object(list) } as {
      readonly resources: readonly { readonly name?: string }[];
    };
    return resources.some(({ name }) => name === plural);
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
