// SPDX-License-Identifier: Apache-2.0
import {
  isRestored,
  restoreOwnership,
  type Goal,
  type Tools,
  type WorkloadAdapter,
  type WorkloadView,
  type Write,
} from '@altershield/core';
import {
  KubeError,
  isConflict,
  isForbidden,
  isInvalid,
  isNamespaceEnding,
  isNotFound,
  keyOf,
  type CachedClient,
  type Resource,
} from '@altershield/kube';
import type { WorkloadKubeObject } from '../kinds.ts';
import type { FollowedKind } from '../observe/followed-kind.ts';
import { templateOf } from '../observe/sightings.ts';

export interface PerformDeps {
  readonly client: CachedClient;
  readonly tools: Tools;
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

/** What a goal is for: the object as it was when the goal was chosen, and what was known of it. */
export interface Target {
  readonly kind: Pick<FollowedKind, 'adapter'>;
  readonly object: WorkloadKubeObject;
  readonly view: WorkloadView;
}

/**
 * Takes the writes that the kind's adapter plans for a goal; what happened since it was chosen makes a
 * conflict. Returns how many there were.
 *
 * @throws WriteDeniedError when the server denies one for good
 */
export async function perform(
  goal: Goal,
  target: Target,
  deps: PerformDeps,
  signal: AbortSignal,
): Promise<number> {
  const { kind, object, view } = target;
  const writes = kind.adapter.plan(goal, { object, view, tools: deps.tools });
  const written = await performWrites(writes, target, deps, signal);
  const owned =
    goal.type === 'RollBack' ? await restore(goal, { target, written }, deps, signal) : 0;
  return writes.length + owned;
}

/** Takes these writes, in their order. Returns the workload as the last one of it left it. */
export async function performWrites(
  writes: readonly Write[],
  target: Pick<Target, 'kind' | 'object'>,
  deps: PerformDeps,
  signal: AbortSignal,
): Promise<WorkloadKubeObject | undefined> {
  let written: WorkloadKubeObject | undefined;
  const { kind } = target.kind.adapter.descriptor.resource;
  for (const write of writes) {
    const object = await take(write, target, deps, signal);
    if (write.resource === kind) written = object ?? written;
  }
  return written;
}

async function take(
  write: Write,
  { kind, object: { metadata } }: Pick<Target, 'kind' | 'object'>,
  { client }: Pick<PerformDeps, 'client'>,
  signal: AbortSignal,
): Promise<WorkloadKubeObject | undefined> {
  const key = { namespace: metadata.namespace ?? '', name: write.name };
  const resource = resourceOf(write.resource, kind.adapter);
  try {
    if ('deletes' in write) {
      await client.delete(resource, key, { uid: write.deletes, signal });
      return undefined;
    }
    const { subresource, ops } = write;
    const options = subresource === undefined ? { signal } : { subresource, signal };
    return await client.patch(resource, key, { type: 'json', ops }, options);
  } catch (error) {
    // Somebody else deleted the pod, or its controller replaced it.
    if ('deletes' in write && (isNotFound(error) || isConflict(error))) return undefined;
    throw asKnown(error);
  }
}

function resourceOf(kind: string, { descriptor }: WorkloadAdapter): Resource {
  const related = Object.values(descriptor.relatedResources).map(({ resource }) => resource);
  const found = [descriptor.resource, ...related].find((resource) => resource.kind === kind);
  if (found !== undefined) return found;
  throw new TypeError(`write ${kind}: ${descriptor.resource.kind} has no such related resource`);
}

interface Restored {
  readonly target: Target;
  /** The workload as the rollback's own write left it. */
  readonly written: WorkloadKubeObject | undefined;
}

/** Gives the fields of a restored template back to those who owned them; once, as the cached object tells. */
async function restore(
  { ownership, to }: Extract<Goal, { type: 'RollBack' }>,
  { target, written }: Restored,
  deps: PerformDeps,
  signal: AbortSignal,
): Promise<number> {
  const { object, view } = target;
  const isBack = written !== undefined || view.fingerprint !== to;
  if (ownership === undefined || !isBack) return 0;
  if (written === undefined && isRestored(object.ownership, ownership)) return 0;
  return giveBack({ ownership, to, target, live: written }, deps, signal);
}

/** How often it is tried: the Deployment controller writes the status at the same moment. */
const ATTEMPTS = 3;

interface GiveBack {
  readonly ownership: string;
  readonly to: string;
  readonly target: Target;
  /** The newest version, where it is known. */
  readonly live: WorkloadKubeObject | undefined;
}

async function giveBack(
  what: GiveBack,
  deps: PerformDeps,
  signal: AbortSignal,
  attempt = 1,
): Promise<number> {
  const { ownership, to, target } = what;
  const { descriptor } = target.kind.adapter;
  const live =
    what.live ??
    (await deps.client.get<WorkloadKubeObject>(descriptor.resource, keyOf(target.object), {
      signal,
    }));
  if (deps.tools.fingerprintOf(templateOf(target.kind, live)) === to) return 0;
  const ops = restoreOwnership(live, ownership);
  if (ops.length === 0) return 0;
  const { name } = live.metadata;
  try {
    await take({ resource: descriptor.resource.kind, name, ops }, target, deps, signal);
    return 1;
  } catch (error) {
    if (!isConflict(error) || attempt === ATTEMPTS) throw error;
    return giveBack({ ...what, live: undefined }, deps, signal, attempt + 1);
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
