// SPDX-License-Identifier: Apache-2.0
import type { APIResource } from '@altershield/kube';
import type { Json, StoredObject } from '../json.ts';
import type { FieldProblem } from './failure.ts';

/** The strategy of a kind: its defaults, validation and generation at a write. */
export interface KindRules {
  /** Applies defaults and prunes unknown fields. */
  complete(object: StoredObject, at: { now: string; old: StoredObject | undefined }): StoredObject;
  /** Every problem of the object at once; `old` is absent on create. */
  validate(object: StoredObject, old: StoredObject | undefined): readonly FieldProblem[];
  /** Whether the difference bumps `metadata.generation`; undefined: the kind has no generation. */
  readonly bumpsGeneration: ((object: StoredObject, old: StoredObject) => boolean) | undefined;
}

/** How `/scale` reads a kind. */
export interface ScalePaths {
  readonly selector: (object: StoredObject) => string;
}

/** One resource type that the server serves. */
export interface ResourceDefinition {
  readonly resource: APIResource;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly hasStatus: boolean;
  readonly scale: ScalePaths | undefined;
  readonly isCustom: boolean;
  readonly rules: KindRules;
}

/** Identifies a resource type inside the server; versions of a type share their objects. */
export const typeKey = ({ group, plural }: Pick<APIResource, 'group' | 'plural'>): string =>
  `${plural}.${group}`;

/** Top-level fields other than metadata and status: the specification. */
export const desired = (object: Json): Json =>
  Object.fromEntries(
    Object.entries(object).filter(
      ([key]) => !['apiVersion', 'kind', 'metadata', 'status'].includes(key),
    ),
  );
