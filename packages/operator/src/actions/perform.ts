// SPDX-License-Identifier: Apache-2.0
import { planDeployment, type Action, type Tools } from '@altershield/core';
import { KubeError, RESOURCES, isInvalid, type CachedClient } from '@altershield/kube';
import type { DeploymentObject } from '../kinds.ts';

export interface PerformDeps {
  readonly client: CachedClient;
  readonly tools: Tools;
}

const RESOURCE_OF = {
  Deployment: RESOURCES.deployment,
  ReplicaSet: RESOURCES.replicaSet,
} as const;

/**
 * Carries out an action by the writes that core plans for it. Returns how many there were.
 * @param deployment as it was when the action was decided: what happened since makes a conflict
 */
export async function perform(
  action: Action,
  deployment: DeploymentObject,
  { client, tools }: PerformDeps,
  signal: AbortSignal,
): Promise<number> {
  const { namespace = '' } = deployment.metadata;
  const writes = planDeployment(action, deployment, tools.sign);
  for (const { resource, name, ops } of writes) {
    const key = { namespace, name };
    try {
      await client.patch(RESOURCE_OF[resource], key, { type: 'json', ops }, { signal });
    } catch (error) {
      throw asConflict(error);
    }
  }
  return writes.length;
}

/**
 * A JSON patch whose `test` failed is answered with 422, as an invalid object is; only the latter
 * names the object. The former means that we looked at an older state: look again.
 */
function asConflict(error: unknown): unknown {
  if (!isInvalid(error) || !(error instanceof KubeError)) return error;
  const { details } = error.server;
  const isObject = typeof details === 'object' && details !== null && 'name' in details;
  if (isObject) return error;
  const server = { ...error.server, reason: 'Conflict' };
  return new KubeError({ doing: error.message, status: 409, server, cause: error });
}
