// SPDX-License-Identifier: Apache-2.0
import { same, without, type Json, type StoredObject } from '../../json.ts';
import { desired, type KindRules } from '../definition.ts';
import { applyDefaults, prune, type Schema } from '../schema/structural.ts';
import { schemaValidator } from '../schema/validate.ts';

/** The rules of a custom resource, from its CRD's structural schema. CEL rules are not evaluated. */
export function customRules(schema: Schema): KindRules {
  const validator = schemaValidator(schema);
  return {
    complete: (object) => ({
      ...completeBody(without(object, 'apiVersion', 'kind', 'metadata'), schema),
      apiVersion: object.apiVersion,
      kind: object.kind,
      metadata: object.metadata,
    }),
    validate: (object) => validator(without(object, 'apiVersion', 'kind', 'metadata')),
    bumpsGeneration: changedBeyondStatus,
  };
}

function completeBody(body: Json, schema: Schema): Json {
  return applyDefaults(prune(body, schema), schema) as Json;
}

const changedBeyondStatus = (a: StoredObject, b: StoredObject): boolean =>
  !same(desired(a), desired(b));
