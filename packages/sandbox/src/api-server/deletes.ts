// SPDX-License-Identifier: Apache-2.0
import { RESOURCES, type Scheduler } from '@altershield/kube';
import { dig, integer, list, asJsonObject, text, type Json, type StoredObject } from '../json.ts';
import type { Admission } from './admission.ts';
import type { WriteCall } from './call.ts';
import { typeKey } from './definition.ts';
import { deletesAnother, notFound } from './failure.ts';
import type { ObjectStore } from './store.ts';
import { timestamp } from './util.ts';

/** Deletes objects: preconditions, validating admission, finalizers, a pod's grace, orphans. */
export class Deletes {
  readonly #store: ObjectStore;
  readonly #admission: Admission;
  readonly #scheduler: Scheduler;

  constructor(store: ObjectStore, admission: Admission, scheduler: Scheduler) {
    this.#store = store;
    this.#admission = admission;
    this.#scheduler = scheduler;
  }

  /** The answer's body: the object while it lingers, else a Status of success. */
  async delete(call: WriteCall, options: Json): Promise<Json> {
    const { resource } = call.definition;
    const old = this.#store.get(typeKey(resource), call.key);
    if (old === undefined) throw notFound(resource, call.key.name);
    checkPreconditions(call, old, asJsonObject(options['preconditions']));
    await this.#admission.validate({
      call,
      operation: 'DELETE',
      phase: 'Validating',
      object: undefined,
      oldObject: old,
    });
    const current = this.#store.get(typeKey(resource), call.key);
    if (current === undefined) throw notFound(resource, call.key.name);
    checkPreconditions(call, current, asJsonObject(options['preconditions']));
    if (!call.dryRun) return this.#carryOut(call, current, options);
    return success(call, current);
  }

  #carryOut(call: WriteCall, object: StoredObject, options: Json): Json {
    const type = typeKey(call.definition.resource);
    if (orphans(call, options)) this.#orphanDependents(object);
    const graceSeconds = gracePeriod(call, object, options);
    const { finalizers = [] } = object.metadata;
    if (finalizers.length === 0 && graceSeconds === 0) {
      this.#store.remove(type, call.key);
      return success(call, object);
    }
    if (object.metadata.deletionTimestamp !== undefined) return object;
    const now = this.#scheduler.now() + graceSeconds * 1000;
    const metadata = {
      ...object.metadata,
      deletionTimestamp: timestamp(now),
      deletionGracePeriodSeconds: graceSeconds,
    };
    const phase = resourceIs(call, 'Namespace') ? { status: { phase: 'Terminating' } } : {};
    return this.#store.put(type, { ...object, metadata, ...phase });
  }

  #orphanDependents(owner: StoredObject): void {
    for (const type of ['replicasets.apps', 'pods.', 'controllerrevisions.apps']) {
      for (const object of this.#store.list(type)) {
        const owners = object.metadata.ownerReferences ?? [];
        const kept = owners.filter(({ uid }) => uid !== owner.metadata.uid);
        if (kept.length === owners.length) continue;
        const metadata = { ...object.metadata, ownerReferences: kept };
        this.#store.put(type, { ...object, metadata });
      }
    }
  }
}

/** Pods of a Job are kept unless the caller says otherwise; in all other kinds they go with it. */
const orphans = ({ definition: { resource } }: WriteCall, options: Json): boolean =>
  (options['propagationPolicy'] ?? (resource.kind === 'Job' ? 'Orphan' : '')) === 'Orphan';

const resourceIs = ({ definition }: WriteCall, kind: string): boolean =>
  definition.resource.kind === kind && definition.resource.group === '';

/** Pods that run somewhere get time to end; a namespace lingers until it is empty. */
function gracePeriod(call: WriteCall, object: StoredObject, options: Json): number {
  if (resourceIs(call, RESOURCES.namespace.kind))
    return object.metadata.deletionTimestamp === undefined ? 0.001 : 0;
  if (!resourceIs(call, RESOURCES.pod.kind)) return 0;
  const asked = options['gracePeriodSeconds'];
  if (typeof asked === 'number') return asked;
  const isPlaced = text(dig(object, 'spec', 'nodeName')) !== '';
  return isPlaced ? integer(dig(object, 'spec', 'terminationGracePeriodSeconds')) : 0;
}

function checkPreconditions(call: WriteCall, object: StoredObject, wanted: Json): void {
  const { uid, resourceVersion } = object.metadata;
  const checks = [
    ['UID', wanted['uid'], uid, 'deleted and then recreated'],
    ['ResourceVersion', wanted['resourceVersion'], resourceVersion, 'modified'],
  ] as const;
  for (const [what, want, found, fate] of checks) {
    if (text(want) === '' || want === found) continue;
    const why = `the ${what} in the precondition (${text(want)}) does not match the ${what} in record (${found}). The object might have been ${fate}`;
    throw deletesAnother(call.definition.resource, call.key.name, why);
  }
}

function success({ definition: { resource } }: WriteCall, { metadata }: StoredObject): Json {
  const { group, plural } = resource;
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: metadata.name,
      ...(group === '' ? {} : { group }),
      kind: plural,
      uid: metadata.uid,
    },
  };
}

/** Reads the body and query of a DELETE. */
export function deleteOptions(body: Json, query: URLSearchParams): Json {
  const grace = query.get('gracePeriodSeconds');
  const policy = query.get('propagationPolicy');
  return {
    ...(grace === null ? {} : { gracePeriodSeconds: Number(grace) }),
    ...(policy === null ? {} : { propagationPolicy: policy }),
    ...body,
    dryRun: list(body['dryRun']).length > 0 ? body['dryRun'] : query.getAll('dryRun'),
  };
}
