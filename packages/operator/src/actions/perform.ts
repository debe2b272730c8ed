// SPDX-License-Identifier: Apache-2.0
import {
  isRestored,
  planDeployment,
  restoreOwnership,
  type Goal,
  type Tools,
  type WorkloadView,
  type Write,
} from '@altershield/core';
import {
  KubeError,
  LinkedSignal,
  RESOURCES,
  isConflict,
  isForbidden,
  isInvalid,
  isNamespaceEnding,
  keyOf,
  keyString,
  type CachedClient,
  type Logger,
  type Scheduler,
} from '@altershield/kube';
import type { DeploymentObject } from '../kinds.ts';

export interface PerformDeps {
  readonly client: CachedClient;
  readonly tools: Tools;
  readonly scheduler: Scheduler;
  readonly log: Logger;
}

/** A write that the API server will deny each time: trying again cannot help, a user must look. */
export class WriteDeniedError extends Error {
  override readonly name = 'WriteDeniedError';
  /** The server's own words. */
  readonly why: string;

  constructor(cause: KubeError) {
    super(cause.message, { cause });
    this.why = cause.server.message ?? cause.message;
  }
}

const RESOURCE_OF = {
  Deployment: RESOURCES.deployment,
  ReplicaSet: RESOURCES.replicaSet,
} as const;

/** What a goal is for: the object as it was when the goal was chosen, and what was known of it. */
export interface Subject {
  readonly deployment: DeploymentObject;
  readonly view: WorkloadView;
}

/**
 * Takes the writes that core plans for a goal; what happened since it was chosen makes a conflict.
 * Returns how many there were.
 *
 * @throws WriteDeniedError when the server denies one for good
 */
export async function perform(
  goal: Goal,
  subject: Subject,
  deps: PerformDeps,
  signal: AbortSignal,
): Promise<number> {
  const { deployment } = subject;
  const writes = planDeployment(goal, subject);
  for (const write of writes) {
    const send = write.isOptional === true ? tryPatch : patch;
    await send(write, deployment, deps, signal);
  }
  const owned = goal.type === 'RollBack' ? await restore(goal, subject, deps, signal) : 0;
  return writes.length + owned;
}

/** Writes that no goal stands for. */
export async function performWrites(
  writes: readonly Write[],
  deployment: DeploymentObject,
  deps: PerformDeps,
  signal: AbortSignal,
): Promise<void> {
  for (const write of writes) await patch(write, deployment, deps, signal);
}

/** How long a write may take that nothing depends on. */
const OPTIONAL_MS = 500;

/** A write that fails, or is not answered in time, is not made. */
async function tryPatch(
  write: Write,
  deployment: DeploymentObject,
  deps: PerformDeps,
  signal: AbortSignal,
): Promise<void> {
  const link = new LinkedSignal(signal);
  link.arm(deps.scheduler, OPTIONAL_MS, `no answer within ${OPTIONAL_MS} ms`);
  try {
    await patch(write, deployment, deps, link.signal);
  } catch (error) {
    // Another write came first, or the operator stops.
    const level = isConflict(error) || signal.aborted ? 'debug' : 'warn';
    const { resource, subresource } = write;
    deps.log[level]('failed to make an optional write', {
      ...{ resource, subresource, key: keyString(keyOf(deployment)) },
      err: error,
    });
  } finally {
    link.dispose();
  }
}

async function patch(
  { resource, subresource, name, ops }: Write,
  { metadata: { namespace = '' } }: DeploymentObject,
  { client }: Pick<PerformDeps, 'client'>,
  signal: AbortSignal,
): Promise<DeploymentObject> {
  const key = { namespace, name };
  try {
    const options = subresource === undefined ? { signal } : { subresource, signal };
    return await client.patch(RESOURCE_OF[resource], key, { type: 'json', ops }, options);
  } catch (error) {
    throw asKnown(error);
  }
}

/**
 * Gives the fields of a restored template back to those who owned them; once, as the cached object
 * tells. The controller has seen the template by then: its first status after a template moves the
 * entries of managed fields, which are sorted by time.
 */
async function restore(
  { ownership, to }: Extract<Goal, { type: 'RollBack' }>,
  { deployment, view }: Subject,
  deps: PerformDeps,
  signal: AbortSignal,
): Promise<number> {
  const isBack = view.fingerprint !== to && view.settled;
  if (ownership === undefined || !isBack) return 0;
  if (isRestored(deployment.ownership, ownership)) return 0;
  return giveBack({ ownership, to, deployment }, deps, signal);
}

/** How often it is tried: other clients may write the same entries at the same moment. */
const ATTEMPTS = 3;

interface GiveBack {
  readonly ownership: string;
  readonly to: string;
  readonly deployment: DeploymentObject;
}

async function giveBack(
  what: GiveBack,
  deps: PerformDeps,
  signal: AbortSignal,
  attempt = 1,
): Promise<number> {
  const { ownership, to, deployment } = what;
  const key = keyOf(deployment);
  const live = await deps.client.get<DeploymentObject>(RESOURCES.deployment, key, { signal });
  if (deps.tools.fingerprintOf(live.spec.template) === to) return 0;
  const ops = restoreOwnership(live, ownership);
  if (ops.length === 0) return 0;
  const { name } = deployment.metadata;
  try {
    await patch({ resource: 'Deployment', name, ops }, deployment, deps, signal);
    return 1;
  } catch (error) {
    if (!isConflict(error) || attempt === ATTEMPTS) throw error;
    return giveBack(what, deps, signal, attempt + 1);
  }
}

/**
 * A JSON patch whose `test` failed is answered with 422, as an invalid object is; only the latter
 * names the object. The former means that we looked at an older state: look again.
 */
function asKnown(error: unknown): unknown {
  if (!(error instanceof KubeError)) return error;
  if (isInvalid(error) && !namesObject(error)) {
    const server = { ...error.server, reason: 'Conflict' };
    return new KubeError({ doing: error.message, status: 409, server, cause: error });
  }
  const isFinal = isInvalid(error) || (isForbidden(error) && !isNamespaceEnding(error));
  return isFinal || error.status === 400 || error.status === 413
    ? new WriteDeniedError(error)
    : error;
}

function namesObject({ server: { details } }: KubeError): boolean {
  return typeof details === 'object' && details !== null && 'name' in details;
}
