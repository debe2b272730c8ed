// SPDX-License-Identifier: Apache-2.0
import {
  CHANGE_PODS,
  CHANGE_POLICIES,
  CHANGE_WORKLOADS,
  LABELS,
  type ChangePod,
  type ChangePolicy,
  type ChangeWorkload,
} from '@altershield/api';
import {
  KubeError,
  isNotFound,
  type Client,
  type KubeObject,
  type APIResource,
} from '@altershield/kube';
import { missingCrds } from '../failure.ts';

export type ReadClient = Pick<Client, 'get' | 'list'>;

const PAGE = 500;

export interface Where {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
}

export const listChanges = (client: ReadClient, where: Where): Promise<ChangeWorkload[]> =>
  listOurs<ChangeWorkload>(client, CHANGE_WORKLOADS, where);

export const listPolicies = (client: ReadClient, where: Where): Promise<ChangePolicy[]> =>
  listOurs<ChangePolicy>(client, CHANGE_POLICIES, where);

export const listBatches = (client: ReadClient, where: Where): Promise<ChangePod[]> =>
  listOurs<ChangePod>(client, CHANGE_PODS, where);

/** The batches of one change. */
export const listBatchesOf = (client: ReadClient, change: ChangeWorkload): Promise<ChangePod[]> =>
  listBatches(client, {
    namespace: change.metadata.namespace,
    labelSelector: `${LABELS.change}=${change.metadata.name}`,
  });

/** Reports an unserved kind as a missing CRD. */
async function listOurs<T extends KubeObject>(
  client: ReadClient,
  resource: APIResource,
  where: Where,
): Promise<T[]> {
  try {
    return await listAll<T>(client, resource, where);
  } catch (error) {
    throw isNotFound(error) ? missingCrds() : error;
  }
}

/** Every page of a list. */
export async function listAll<T extends KubeObject>(
  client: ReadClient,
  resource: APIResource,
  where: Where,
): Promise<T[]> {
  const items: T[] = [];
  let next: string | undefined;
  do {
    const page = await client.list<T>(resource, { ...where, limit: PAGE, continue: next });
    items.push(...page.items);
    next = page.continue;
  } while (next !== undefined);
  return items;
}

/** The change of that name, or `undefined`. */
export async function getChange(
  client: ReadClient,
  namespace: string,
  name: string,
): Promise<ChangeWorkload | undefined> {
  try {
    return await client.get<ChangeWorkload>(CHANGE_WORKLOADS, { namespace, name });
  } catch (error) {
    if (!(error instanceof KubeError) || error.status !== 404) throw error;
    // An answer without `details.name` is about the path: the kind itself is not served.
    if (error.reason === 'NotFound' && isNamed(error.server.details)) return undefined;
    throw missingCrds();
  }
}

const isNamed = (details: unknown): boolean =>
  typeof details === 'object' && details !== null && 'name' in details;
