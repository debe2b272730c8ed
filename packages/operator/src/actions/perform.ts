// SPDX-License-Identifier: Apache-2.0
import {
  isRestored,
  restoreOwnership,
  type Goal,
  type Signing,
  type WorkloadAdapter,
  type WorkloadView,
  type Write,
} from '@altershield/core';
import {
  KubeError,
  DeadlineSignal,
  isAlreadyExists,
  isConflict,
  isForbidden,
  isInvalid,
  isNamespaceEnding,
  isNotFound,
  keyOf,
  keyString,
  type WriteThroughClient,
  type Logger,
  type APIResource,
  type ObjectKey,
  type Scheduler,
} from '@altershield/kube';
import type { WorkloadKubeObject } from '../objects.ts';
import type { FollowedKind } from '../kinds/followed-kind.ts';
import { templateOf } from '../caches/template-tracker.ts';

export interface PerformDeps {
  readonly client: WriteThroughClient;
  readonly signing: Signing;
  readonly scheduler: Scheduler;
  readonly log: Logger;
}

/** A permanent denial by the API server: retries cannot help, a user must act. */
export class WriteDeniedError extends Error {
  override readonly name = 'WriteDeniedError';
  /** The message of the server. */
  readonly why: string;

  constructor(cause: KubeError) {
    super(cause.message, { cause });
    this.why = cause.server.message ?? cause.message;
  }
}

/** The workload of a goal: the object and its view at the time of the decision. */
export interface Target {
  readonly kind: Pick<FollowedKind, 'adapter'>;
  readonly object: WorkloadKubeObject;
  readonly view: WorkloadView;
}

/**
 * Makes the writes that the kind's adapter plans for a goal, and returns their number. Fails with a
 * conflict if the object has changed since the decision.
 *
 * @throws WriteDeniedError when the server permanently denies a write
 */
export async function perform(
  goal: Goal,
  target: Target,
  deps: PerformDeps,
  signal: AbortSignal,
): Promise<number> {
  const { kind, object, view } = target;
  const writes = kind.adapter.plan(goal, { object, view, signing: deps.signing });
  await performWrites(writes, target, deps, signal);
  const owned = goal.type === 'RollBack' ? await restore(goal, target, deps, signal) : 0;
  return writes.length + owned;
}

/** Makes the writes in the given order. */
export async function performWrites(
  writes: readonly Write[],
  target: Pick<Target, 'kind' | 'object'>,
  deps: PerformDeps,
  signal: AbortSignal,
): Promise<void> {
  for (const write of writes) {
    const isOptional = 'isOptional' in write && write.isOptional;
    await (isOptional ? tryWrite : take)(write, target, deps, signal);
  }
}

/** The timeout of an optional write. */
const OPTIONAL_MS = 500;

/** Makes an optional write; a failure or a timeout is only logged. */
async function tryWrite(
  write: Write,
  target: Pick<Target, 'kind' | 'object'>,
  deps: PerformDeps,
  signal: AbortSignal,
): Promise<void> {
  const link = new DeadlineSignal(signal);
  link.arm(deps.scheduler, OPTIONAL_MS, `no answer within ${OPTIONAL_MS} ms`);
  try {
    await take(write, target, deps, link.signal);
  } catch (error) {
    // A conflict with another client, or a shutdown of the operator, is normal.
    const level = isConflict(error) || signal.aborted ? 'debug' : 'warn';
    deps.log[level]('failed to make an optional write', {
      ...{ resource: write.resource, key: keyString(keyOf(target.object)) },
      err: error,
    });
  } finally {
    link.dispose();
  }
}

async function take(
  write: Write,
  { kind, object: { metadata } }: Pick<Target, 'kind' | 'object'>,
  { client }: Pick<PerformDeps, 'client'>,
  signal: AbortSignal,
): Promise<void> {
  const key = { namespace: metadata.namespace ?? '', name: write.name };
  const resource = resourceOf(write.resource, kind.adapter);
  try {
    await send(write, { client, resource, key, signal });
  } catch (error) {
    if (!isDone(write, error)) throw asKnown(error);
  }
}

interface Sending {
  readonly client: PerformDeps['client'];
  readonly resource: APIResource;
  readonly key: ObjectKey;
  readonly signal: AbortSignal;
}

async function send(write: Write, { client, resource, key, signal }: Sending): Promise<void> {
  if ('deletes' in write) {
    // By default, the pods of a Job would be kept.
    const { deletes: uid, resourceVersion } = write;
    const options = { uid, resourceVersion, propagationPolicy: 'Background', signal } as const;
    await client.delete(resource, key, options);
  } else if ('creates' in write) {
    await client.create(resource, key.namespace, write.creates, { signal });
  } else {
    const { subresource, ops } = write;
    const options = subresource === undefined ? { signal } : { subresource, signal };
    await client.patch(resource, key, { type: 'json', ops }, options);
  }
}

/** Deleted or replaced by another client; or created before a crash. */
function isDone(write: Write, error: unknown): boolean {
  if ('deletes' in write) return isNotFound(error) || isConflict(error);
  return 'creates' in write && isAlreadyExists(error);
}

function resourceOf(kind: string, { descriptor }: WorkloadAdapter): APIResource {
  const related = Object.values(descriptor.relatedResources).map(({ resource }) => resource);
  const found = [descriptor.resource, ...related].find((resource) => resource.kind === kind);
  if (found !== undefined) return found;
  throw new TypeError(`write ${kind}: ${descriptor.resource.kind} has no such related resource`);
}

/**
 * Restores the field managers of a restored template, unless the cached object already has them. It
 * waits until the controller has observed the template: the first status write after a template
 * change reorders the entries of managed fields, which are sorted by time.
 */
async function restore(
  { ownership, to }: Extract<Goal, { type: 'RollBack' }>,
  target: Target,
  deps: PerformDeps,
  signal: AbortSignal,
): Promise<number> {
  const { object, view } = target;
  const isBack = view.fingerprint !== to && view.isObserved;
  if (ownership === undefined || !isBack) return 0;
  if (isRestored(object.ownership, ownership)) return 0;
  return restoreFieldOwnership({ ownership, to, target }, deps, signal);
}

/** Attempts in case of conflicts: other clients may write the same entries concurrently. */
const ATTEMPTS = 3;

interface OwnershipRestore {
  readonly ownership: string;
  readonly to: string;
  readonly target: Target;
}

async function restoreFieldOwnership(
  what: OwnershipRestore,
  deps: PerformDeps,
  signal: AbortSignal,
  attempt = 1,
): Promise<number> {
  const { ownership, to, target } = what;
  const { resource } = target.kind.adapter.descriptor;
  const key = keyOf(target.object);
  const live = await deps.client.get<WorkloadKubeObject>(resource, key, { signal });
  if (deps.signing.fingerprintOf(templateOf(target.kind, live)) === to) return 0;
  const { revisionPath } = target.kind.adapter.descriptor;
  const ops = restoreOwnership(live, ownership, revisionPath);
  if (ops.length === 0) return 0;
  try {
    await take({ resource: resource.kind, name: key.name, ops }, target, deps, signal);
    return 1;
  } catch (error) {
    if (!isConflict(error) || attempt === ATTEMPTS) throw error;
    return restoreFieldOwnership(what, deps, signal, attempt + 1);
  }
}

/**
 * Tells permanent denials from conflicts. A failed `test` of a JSON patch gets status 422, like an
 * invalid object, but its error does not name the object. It means that the cached object was
 * outdated, so it is treated as a conflict.
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
