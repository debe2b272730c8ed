// SPDX-License-Identifier: Apache-2.0
import type { ChangePolicy } from '@altershield/api';
import {
  policyFor,
  mismatch,
  parsePolicy,
  type Candidate,
  POLICY_KINDS,
  candidateKind,
  type WorkloadAdapter,
  type ValidPolicy,
} from '@altershield/core';
import { KubeError, RESOURCES, isNotFound, type KubeObject } from '@altershield/kube';
import { plural } from '../render/text.ts';
import { listPolicies, type ReadClient } from './records.ts';

/** A workload as the API server has it, and its kind. */
export interface Workload {
  readonly adapter: WorkloadAdapter;
  readonly object: KubeObject;
}

export interface WorkloadPlace {
  readonly namespace: string;
  readonly name: string;
  /** Policies there apply to the whole cluster. */
  readonly operatorNamespace: string;
}

/** Whether a policy matches a workload, or why none does. */
export type Coverage =
  | { readonly policy: string }
  | {
      readonly policy: undefined;
      readonly why: string;
      /** False when some policies cannot be read. */
      readonly isCertain: boolean;
    };

export async function getWorkload(
  client: ReadClient,
  adapter: WorkloadAdapter,
  { namespace, name }: Pick<WorkloadPlace, 'namespace' | 'name'>,
): Promise<Workload | undefined> {
  try {
    const object = await client.get(adapter.descriptor.resource, { namespace, name });
    return { adapter, object };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Matches policies as the operator does. */
export async function coverageOf(
  client: ReadClient,
  { adapter, object: { metadata } }: Workload,
  { namespace, operatorNamespace }: WorkloadPlace,
): Promise<Coverage> {
  const places = [...new Set([namespace, operatorNamespace])];
  const lists = await Promise.all(
    places.map((place) => readable(listPolicies(client, { namespace: place }))),
  );
  const labels = await readable(namespaceLabels(client, namespace));
  const policies = lists.flatMap((list) => list ?? []);
  const candidate: Candidate = {
    ...candidateKind(adapter.descriptor),
    namespace,
    labels: metadata.labels ?? {},
    namespaceLabels: { 'kubernetes.io/metadata.name': namespace, ...labels },
  };
  const read = policies.map((policy) => readPolicy(policy, operatorNamespace));
  const valid = read.flatMap(({ valid: found }) => found ?? []);
  const found = policyFor(valid, candidate, operatorNamespace);
  if (found !== undefined) return { policy: `${found.namespace}/${found.name}` };
  const whys = read.map(({ id, valid: policy }) =>
    policy === undefined
      ? `${id} is not valid`
      : `${id}: ${mismatch(policy, candidate, operatorNamespace) ?? ''}`,
  );
  const isCertain = !lists.includes(undefined) && labels !== undefined;
  return { policy: undefined, why: explain(whys, places, isCertain), isCertain };
}

const MAX_POLICIES = 3;

function explain(whys: readonly string[], places: readonly string[], isCertain: boolean): string {
  const unread = isCertain
    ? ''
    : '; some policies or namespace labels cannot be read with these permissions';
  const where = places.join(' or ');
  if (whys.length === 0) return `no ChangePolicy in namespace ${where}${unread}`;
  const more = whys.length - MAX_POLICIES;
  const rest =
    more > 0 ? `; and ${plural(more, 'more policy').replace('policys', 'policies')}` : '';
  return `${whys.slice(0, MAX_POLICIES).join('; ')}${rest}${unread}`;
}

interface Read {
  readonly id: string;
  readonly valid: ValidPolicy | undefined;
}

function readPolicy({ metadata, spec }: ChangePolicy, operatorNamespace: string): Read {
  const { namespace = '', name, uid, generation = 1 } = metadata;
  const kinds = POLICY_KINDS;
  const parsed = parsePolicy(spec, { namespace, operatorNamespace, kinds });
  const valid = parsed.ok ? { namespace, name, uid, generation, spec: parsed.spec } : undefined;
  return { id: `policy ${namespace}/${name}`, valid };
}

async function namespaceLabels(
  client: ReadClient,
  name: string,
): Promise<Readonly<Record<string, string>>> {
  const { metadata } = await client.get(RESOURCES.namespace, { namespace: '', name });
  return metadata.labels ?? {};
}

/** Undefined when this user may not read it. */
async function readable<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof KubeError && error.status === 403) return undefined;
    throw error;
  }
}
