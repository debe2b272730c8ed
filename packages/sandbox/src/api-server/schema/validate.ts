// SPDX-License-Identifier: Apache-2.0
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { isJsonObject, list, text, type Json } from '../../json.ts';
import { FIELD, type FieldProblem } from '../failure.ts';
import type { Schema } from './structural.ts';

/** Compiling costs tens of milliseconds and depends on the text alone: once per process will do. */
const compiled = new Map<string, ValidateFunction>();

/** Checks documents against a structural schema and words the problems as the API server does. */
export function schemaValidator(schema: Schema): (document: Json) => readonly FieldProblem[] {
  const validate = compile(schema);
  return (document) => {
    if (validate(document)) return [];
    return (validate.errors ?? []).flatMap(toProblem);
  };
}

function compile(schema: Schema): ValidateFunction {
  const source = JSON.stringify(toJsonSchema(schema));
  const known = compiled.get(source);
  if (known !== undefined) return known;
  const ajv = new Ajv({ allErrors: true, strict: false, verbose: true, validateFormats: false });
  const validate = ajv.compile(JSON.parse(source) as Json);
  compiled.set(source, validate);
  return validate;
}

/** OpenAPI's `nullable` and Kubernetes' int-or-string, said in JSON Schema. */
function toJsonSchema(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toJsonSchema);
  if (!isJsonObject(value)) return value;
  const known = Object.entries(value).filter(
    ([key]) => !key.startsWith('x-kubernetes-') && key !== 'nullable' && key !== 'default',
  );
  const schema = Object.fromEntries(known.map(([key, item]) => [key, toJsonSchema(item)]));
  if (value['x-kubernetes-int-or-string'] === true) schema['type'] = ['integer', 'string'];
  if (value['nullable'] === true && typeof schema['type'] === 'string') {
    schema['type'] = [schema['type'], 'null'];
  }
  return schema;
}

function fieldPath({ instancePath }: ErrorObject): string {
  return instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((path, part) => {
      if (/^\d+$/.test(part)) return `${path}[${part}]`;
      return path === '' ? part : `${path}.${part}`;
    }, '');
}

const child = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

function toProblem(error: ErrorObject): FieldProblem[] {
  const at = fieldPath(error);
  const params = error.params as Json;
  switch (error.keyword) {
    case 'required':
      return [FIELD.required(child(at, text(params['missingProperty'])))];
    case 'enum':
      return [FIELD.notSupported(at, error.data, list(params['allowedValues']))];
    case 'type':
      return [typeProblem(at, error.data, params['type'])];
    case 'anyOf':
    case 'oneOf':
    case 'if':
      return [];
    default:
      return [FIELD.invalid(at, error.data, `${at} in body ${words(error)}`)];
  }
}

function typeProblem(at: string, data: unknown, type: unknown): FieldProblem {
  const wanted = Array.isArray(type) ? type.map(text).join(',') : text(type);
  const found = Array.isArray(data) ? 'array' : data === null ? 'null' : typeof data;
  return {
    reason: 'FieldValueTypeInvalid',
    field: at,
    message: `Invalid value: "${found}": ${at} in body must be of type ${wanted}: "${found}"`,
  };
}

function words({ keyword, params, message }: ErrorObject): string {
  const limit = String((params as Json)['limit']);
  switch (keyword) {
    case 'minimum':
      return `should be greater than or equal to ${limit}`;
    case 'maximum':
      return `should be less than or equal to ${limit}`;
    case 'minLength':
      return `should be at least ${limit} chars long`;
    case 'maxLength':
      return `should be at most ${limit} chars long`;
    case 'minItems':
      return `should have at least ${limit} items`;
    case 'maxItems':
      return `should have at most ${limit} items`;
    case 'pattern':
      return `should match '${text((params as Json)['pattern'])}'`;
    default:
      return message ?? 'is invalid';
  }
}
