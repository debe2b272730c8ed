// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly jsonPath: string;
  readonly description?: string;
  /** 0: always shown; 1: only with `-o wide`. */
  readonly priority?: number;
}

/** A CEL rule that the API server enforces, with the error message. */
export interface Rule {
  readonly rule: string;
  readonly message: string;
  readonly fieldPath?: string;
}

export interface KindDefinition<S extends z.ZodType, T extends z.ZodType> {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly description: string;
  readonly spec: S;
  readonly status: T;
  readonly columns: readonly PrinterColumn[];
  readonly rules: readonly Rule[];
}

export const GROUP = 'altershield.io';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;

/** Defines a kind: the single source of its TypeScript type, CRD, reference page and parser. */
export const defineKind = <S extends z.ZodType, T extends z.ZodType>(
  definition: KindDefinition<S, T>,
): KindDefinition<S, T> => definition;

type Json = Record<string, unknown>;

/** The CustomResourceDefinition of a kind, ready to be applied. */
export function toCrd(definition: KindDefinition<z.ZodType, z.ZodType>): Json {
  const { kind, plural, singular, shortNames, categories } = definition;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames, categories },
      scope: 'Namespaced',
      versions: [versionOf(definition)],
    },
  };
}

function versionOf(definition: KindDefinition<z.ZodType, z.ZodType>): Json {
  const { description, spec, status, columns, rules } = definition;
  return {
    name: VERSION,
    served: true,
    storage: true,
    schema: {
      openAPIV3Schema: {
        type: 'object',
        description,
        required: ['spec'],
        properties: {
          apiVersion: { type: 'string' },
          kind: { type: 'string' },
          metadata: { type: 'object' },
          spec: structural(spec),
          status: structural(status),
        },
        ...(rules.length === 0 ? {} : { 'x-kubernetes-validations': rules }),
      },
    },
    subresources: { status: {} },
    additionalPrinterColumns: columns,
  };
}

/** Converts a zod schema into a structural schema, the form that Kubernetes requires in CRDs. */
export function structural(schema: z.ZodType): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    override: ({ jsonSchema }) => {
      repair(jsonSchema);
    },
  }) as Json;
  return json;
}

/** Removes output of zod that a structural schema must not contain. */
function repair(json: Json): void {
  if (json['additionalProperties'] === false) delete json['additionalProperties'];
  if (json['x-kubernetes-int-or-string'] === true) {
    delete json['type'];
    delete json['anyOf'];
  }
  if (json['x-kubernetes-preserve-unknown-fields'] === true) {
    json['type'] = 'object';
    delete json['additionalProperties'];
    delete json['propertyNames'];
  }
  if (json['format'] === 'date-time') delete json['pattern'];
  if (json['maximum'] === Number.MAX_SAFE_INTEGER) delete json['maximum'];
  if (json['minimum'] === Number.MIN_SAFE_INTEGER) delete json['minimum'];
  delete json['propertyNames'];
}
