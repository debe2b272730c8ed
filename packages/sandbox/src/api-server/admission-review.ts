// SPDX-License-Identifier: Apache-2.0
import { apiVersionOf } from '@altershield/kube';
import { dig, isJsonObject, list, text, without, type Json, type StoredObject } from '../json.ts';
import type { AdmissionAttributes } from './call.ts';
import { StatusError } from './failure.ts';
import { scaleOf } from './scale.ts';

/** The request that a webhook gets, and that `matchConditions` see as `request`. */
export function reviewRequest(attributes: AdmissionAttributes, uid: string): Json {
  const name = nameOf(attributes);
  const { call, operation } = attributes;
  const { group, version, plural, kind } = call.definition.resource;
  const ownKind =
    call.subresource === 'scale'
      ? { group: 'autoscaling', version: 'v1', kind: 'Scale' }
      : { group, version, kind };
  const resource = { group, version, resource: plural };
  const sub = call.subresource === '' ? {} : { subResource: call.subresource };
  const requestSub = call.subresource === '' ? {} : { requestSubResource: call.subresource };
  return {
    uid,
    kind: ownKind,
    resource,
    ...sub,
    requestKind: ownKind,
    requestResource: resource,
    ...requestSub,
    ...(name === '' ? {} : { name }),
    ...(call.key.namespace === '' ? {} : { namespace: call.key.namespace }),
    operation,
    userInfo: call.user,
    object: asSeen(attributes, attributes.object),
    oldObject: asSeen(attributes, attributes.oldObject),
    dryRun: call.dryRun,
    options: call.options,
  };
}

function asSeen(
  { call, operation, phase }: AdmissionAttributes,
  object: StoredObject | undefined,
): Json | null {
  const isCreate = operation === 'CREATE' && phase === 'Mutating';
  if (object === undefined) return null;
  if (call.subresource === 'scale') return scaleOf(call.definition, object);
  const { resource } = call.definition;
  const shown = isCreate ? { ...object, metadata: unborn(object) } : object;
  return { ...shown, apiVersion: apiVersionOf(resource), kind: resource.kind };
}

const unborn = ({ metadata }: StoredObject): Json =>
  without(
    { ...metadata },
    ...['uid', 'creationTimestamp', 'resourceVersion', 'generation', 'managedFields'],
    ...(isNameGenerated(metadata) ? ['name'] : []),
  );

const isNameGenerated = (metadata: object): boolean => 'generateName' in metadata;

/** A name that is still to be generated is not known to a mutating webhook. */
function nameOf({ call, object, operation, phase }: AdmissionAttributes): string {
  const isCreate = operation === 'CREATE' && phase === 'Mutating';
  return isCreate && isNameGenerated(object?.metadata ?? {}) ? '' : call.key.name;
}

export interface ReviewAnswer {
  readonly isAllowed: boolean;
  readonly denial: StatusError;
  readonly patch: unknown;
  readonly warnings: readonly string[];
}

/** Parses a webhook's answer; throws an Error with the cause if it is invalid. */
export function readAnswer(body: string, uid: string, webhookName: string): ReviewAnswer {
  const response = dig(JSON.parse(body) as unknown, 'response');
  if (!isJsonObject(response)) throw new Error('webhook response was absent');
  if (response['uid'] !== uid) {
    throw new Error(`expected response.uid="${uid}", got "${text(response['uid'])}"`);
  }
  const patch = response['patch'];
  return {
    isAllowed: response['allowed'] === true,
    denial: denial(response, webhookName),
    patch: typeof patch === 'string' ? decodePatch(patch) : undefined,
    warnings: list(response['warnings']).map(text),
  };
}

const decodePatch = (patch: string): unknown =>
  JSON.parse(Buffer.from(patch, 'base64').toString('utf8')) as unknown;

function denial(response: Json, webhookName: string): StatusError {
  const status = response['status'];
  const message = text(dig(status, 'message')) || text(dig(status, 'reason'));
  const code = dig(status, 'code');
  const prefix = `admission webhook "${webhookName}" denied the request`;
  return new StatusError({
    code: typeof code === 'number' && code >= 400 ? code : 403,
    reason: text(dig(status, 'reason')) || 'Forbidden',
    message: message === '' ? `${prefix} without explanation` : `${prefix}: ${message}`,
  });
}
