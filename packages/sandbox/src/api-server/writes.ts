// SPDX-License-Identifier: Apache-2.0
import { apiVersionOf, RESOURCES, type ObjectMeta, type Scheduler } from '@altershield/kube';
import {
  dig,
  isJsonObject,
  list,
  asJsonObject,
  same,
  text,
  without,
  type Json,
  type StoredObject,
} from '../json.ts';
import type { Admission } from './admission.ts';
import type { WriteCall } from './call.ts';
import { typeKey } from './definition.ts';
import {
  alreadyExists,
  StatusError,
  badRequest,
  conflict,
  FIELD,
  invalid,
  notFound,
} from './failure.ts';
import { recordAuthor, type FieldTree } from './managed-fields.ts';
import { withScale } from './scale.ts';
import type { ObjectStore } from './store.ts';
import { nameSuffix, newUid, timestamp } from './util.ts';

const MAX_ATTEMPTS = 5;

export interface UpdatePlan {
  /** Computes the new object; called again after a concurrent write. */
  readonly change: (current: StoredObject) => Json;
  /** True for PUT: custom objects must then name the resourceVersion they replace. */
  readonly isReplace: boolean;
  /** The fields of a server-side apply. */
  readonly applied?: FieldTree;
}

export interface WritesDeps {
  readonly store: ObjectStore;
  readonly admission: Admission;
  readonly scheduler: Scheduler;
  /** How often (0 to 1) an update is first tried on the state before the last write. Default 0. */
  readonly staleness?: number | undefined;
}

/** Creates and updates objects the way the API server does: complete, admit, check, store. */
export class Writes {
  readonly #store: ObjectStore;
  readonly #admission: Admission;
  readonly #scheduler: Scheduler;
  readonly #staleness: number;

  constructor({ store, admission, scheduler, staleness = 0 }: WritesDeps) {
    this.#store = store;
    this.#admission = admission;
    this.#scheduler = scheduler;
    this.#staleness = staleness;
  }

  async create(call: WriteCall, body: Json, applied?: FieldTree): Promise<StoredObject> {
    const draft = this.#complete(call, this.#newObject(call, body), undefined);
    const named: WriteCall = { ...call, key: { ...call.key, name: draft.metadata.name } };
    this.#refuseCollision(named);
    const object = await this.#admit(named, draft, undefined);
    // During the webhook calls, another client may have created an object of this name.
    this.#refuseCollision(named);
    const authored = this.#author(named, object, undefined, applied);
    return call.dryRun ? authored : this.#store.put(typeKey(call.definition.resource), authored);
  }

  async update(call: WriteCall, plan: UpdatePlan): Promise<StoredObject> {
    await this.#tryStale(call, plan);
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const written = await this.#tryUpdate(call, plan);
      if (written !== undefined) return written;
    }
    throw conflict(call.definition.resource, call.key.name);
  }

  /**
   * The real server works on its cache first, which may lag: webhooks are then asked about an old
   * state, and then with the current one. Errors for the old state have no effect.
   */
  async #tryStale(call: WriteCall, plan: UpdatePlan): Promise<void> {
    const current = this.#store.get(typeKey(call.definition.resource), call.key);
    const previous = current === undefined ? undefined : this.#store.previousOf(current);
    if (previous === undefined || this.#staleness === 0) return;
    if (this.#scheduler.random() >= this.#staleness) return;
    try {
      await this.#prepare({ ...call, warnings: [] }, plan, previous);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
    }
  }

  /** Undefined when the object changed while it was being admitted. */
  async #tryUpdate(call: WriteCall, plan: UpdatePlan): Promise<StoredObject | undefined> {
    const { resource } = call.definition;
    const type = typeKey(resource);
    const old = this.#store.get(type, call.key);
    if (old === undefined) throw notFound(resource, call.key.name);
    const object = await this.#prepare(call, plan, old);
    const { resourceVersion } = this.#store.get(type, call.key)?.metadata ?? {};
    if (resourceVersion !== old.metadata.resourceVersion) return undefined;
    const authored = this.#author(call, object, old, plan.applied);
    if (call.dryRun) return authored;
    return isUnchanged(authored, old) ? old : this.#commit(type, authored);
  }

  /** The admitted and checked object that is to take the old one's place. */
  async #prepare(call: WriteCall, plan: UpdatePlan, old: StoredObject): Promise<StoredObject> {
    const { resource, isCustom } = call.definition;
    const wanted = plan.change(old);
    const lock = text(dig(wanted, 'metadata', 'resourceVersion'));
    checkPreconditions(call, wanted, old);
    if (plan.isReplace && isCustom && lock === '') {
      const why = 'must be specified for an update';
      throw invalid(resource, call.key.name, [FIELD.invalid('metadata.resourceVersion', 0, why)]);
    }
    const draft = this.#complete(call, merged(call, wanted, old), old);
    return versioned(call, await this.#admit(call, draft, old), old);
  }

  #commit(type: string, object: StoredObject): StoredObject {
    const { deletionTimestamp, finalizers = [], namespace = '', name } = object.metadata;
    const stored = this.#store.put(type, object);
    if (deletionTimestamp !== undefined && finalizers.length === 0 && type !== 'pods.') {
      this.#store.remove(type, { namespace, name });
    }
    return stored;
  }

  #newObject(call: WriteCall, body: Json): StoredObject {
    const { resource, rules, hasStatus } = call.definition;
    const given = asJsonObject(body['metadata']);
    const namespace = this.#namespaceFor(call, given);
    const metadata = {
      ...theirMetadata(given),
      name: this.#nameFor(call, given),
      ...(namespace === '' ? {} : { namespace }),
      uid: newUid(this.#scheduler),
      ...(rules.bumpsGeneration === undefined ? {} : { generation: 1 }),
      creationTimestamp: timestamp(this.#scheduler.now()),
      resourceVersion: '',
    };
    const rest = hasStatus && !isNode(call) ? without(body, 'status') : body;
    return { ...rest, apiVersion: apiVersionOf(resource), kind: resource.kind, metadata };
  }

  #namespaceFor({ definition, key }: WriteCall, given: Json): string {
    if (!definition.resource.namespaced) return '';
    const own = text(given['namespace']);
    if (own !== '' && own !== key.namespace) {
      throw badRequest(
        'the namespace of the provided object does not match the namespace sent on the request',
      );
    }
    const home = { namespace: '', name: key.namespace };
    if (this.#store.get(typeKey(RESOURCES.namespace), home) === undefined) {
      throw notFound(RESOURCES.namespace, key.namespace);
    }
    return key.namespace;
  }

  #nameFor({ definition }: WriteCall, given: Json): string {
    const name = text(given['name']);
    const prefix = text(given['generateName']);
    if (name === '' && prefix === '') {
      const why = 'name or generateName is required';
      throw invalid(definition.resource, '', [FIELD.required('metadata.name', why)]);
    }
    return name === '' ? `${prefix}${nameSuffix(this.#scheduler)}` : name;
  }

  #refuseCollision({ definition: { resource }, key }: WriteCall): void {
    const own = resource.namespaced ? key : { namespace: '', name: key.name };
    if (this.#store.get(typeKey(resource), own) !== undefined) {
      throw alreadyExists(resource, key.name);
    }
  }

  #complete(call: WriteCall, object: StoredObject, old: StoredObject | undefined): StoredObject {
    const now = timestamp(this.#scheduler.now());
    return call.definition.rules.complete(object, { now, old });
  }

  async #admit(
    call: WriteCall,
    draft: StoredObject,
    oldObject: StoredObject | undefined,
  ): Promise<StoredObject> {
    const operation = oldObject === undefined ? 'CREATE' : 'UPDATE';
    const attributes = { call, operation, phase: 'Mutating', object: draft, oldObject } as const;
    const complete = (object: StoredObject): StoredObject =>
      this.#complete(call, { ...object, metadata: keepIdentity(object, draft) }, oldObject);
    const object = (await this.#admission.mutate(attributes, complete)) ?? draft;
    const problems = call.definition.rules.validate(object, oldObject);
    if (problems.length > 0)
      throw invalid(call.definition.resource, object.metadata.name, problems);
    await this.#admission.validate({ ...attributes, object });
    return object;
  }

  #author(
    call: WriteCall,
    object: StoredObject,
    old: StoredObject | undefined,
    applied: FieldTree | undefined,
  ): StoredObject {
    const { isApply, fieldManager, subresource } = call;
    const time = timestamp(this.#scheduler.now());
    return recordAuthor(object, old, {
      manager: fieldManager,
      isApply,
      subresource,
      time,
      applied,
    });
  }
}

const isNode = ({ definition }: WriteCall): boolean => definition.resource.kind === 'Node';

/** Webhooks cannot give an object another identity. */
const keepIdentity = (object: StoredObject, { metadata }: StoredObject): ObjectMeta => {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  const own = { name, uid, resourceVersion, creationTimestamp };
  return { ...object.metadata, ...own, ...(namespace === undefined ? {} : { namespace }) };
};

function checkPreconditions(
  { definition: { resource }, key }: WriteCall,
  wanted: Json,
  old: StoredObject,
): void {
  const { resourceVersion, uid, name } = asJsonObject(wanted['metadata']);
  if (text(resourceVersion) !== '' && resourceVersion !== old.metadata.resourceVersion) {
    throw conflict(resource, key.name);
  }
  if (text(uid) !== '' && uid !== old.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${text(uid)}, UID in object meta: ${old.metadata.uid}`;
    throw conflict(resource, key.name, why);
  }
  if (text(name) !== '' && name !== key.name) {
    throw badRequest(
      `the name of the object (${text(name)}) does not match the name on the URL (${key.name})`,
    );
  }
}

/** The writable part: `/status` the status, `/scale` the replicas, otherwise all except the status. */
function merged(call: WriteCall, wanted: Json, old: StoredObject): StoredObject {
  if (call.subresource === 'scale') return withScale(old, wanted);
  const metadata = ownedMetadata(asJsonObject(wanted['metadata']), old.metadata);
  if (call.subresource === 'status') {
    const { annotations } = metadata;
    const isKept = call.definition.isCustom || annotations === undefined;
    const kept = isKept ? old.metadata : { ...old.metadata, annotations };
    return withStatus({ ...old, metadata: kept }, wanted['status']);
  }
  const { apiVersion, kind } = old;
  const object = { ...wanted, apiVersion, kind, metadata };
  return call.definition.hasStatus ? withStatus(object, old['status']) : object;
}

const withStatus = (object: StoredObject, status: unknown): StoredObject =>
  status === undefined ? (without(object, 'status') as StoredObject) : { ...object, status };

const THEIRS = ['labels', 'annotations', 'ownerReferences', 'finalizers', 'generateName'];

const theirMetadata = (wanted: Json): Json =>
  Object.fromEntries(
    Object.entries(wanted).filter(([key, value]) => THEIRS.includes(key) && !isEmpty(value)),
  );

/** The writer decides on labels, annotations, owners, finalizers and managed fields; the rest is the server's. */
function ownedMetadata(wanted: Json, old: ObjectMeta): ObjectMeta {
  const { name, namespace, uid, resourceVersion, creationTimestamp, generation } = old;
  const { deletionTimestamp } = old;
  // A request with managed fields replaces them; a request without keeps them.
  const sent = list(wanted['managedFields']);
  const managedFields = sent.length > 0 ? sent : old.managedFields;
  return {
    ...theirMetadata(wanted),
    name,
    uid,
    resourceVersion,
    creationTimestamp,
    ...(namespace === undefined ? {} : { namespace }),
    ...(generation === undefined ? {} : { generation }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    ...(managedFields === undefined ? {} : { managedFields }),
  };
}

const isEmpty = (value: unknown): boolean =>
  value === null ||
  (isJsonObject(value)
    ? Object.keys(value).length === 0
    : list(value).length === 0 && Array.isArray(value));

function versioned(call: WriteCall, object: StoredObject, old: StoredObject): StoredObject {
  const { bumpsGeneration } = call.definition.rules;
  if (bumpsGeneration === undefined) return object;
  const before = old.metadata.generation ?? 1;
  const isBumped = call.subresource !== 'status' && bumpsGeneration(object, old);
  const generation = isBumped ? before + 1 : before;
  return { ...object, metadata: { ...object.metadata, generation } };
}

const isUnchanged = (object: StoredObject, old: StoredObject): boolean =>
  same(withoutTimes(object), withoutTimes(old));

/** A new timestamp alone does not change an entry. */
const withoutTimes = (object: StoredObject): Json => ({
  ...object,
  metadata: {
    ...object.metadata,
    managedFields: list(object.metadata.managedFields).map((entry) =>
      without({ ...asJsonObject(entry) }, 'time'),
    ),
  },
});
