// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import type { WorkloadObject } from '../json/objects.ts';
import { toJsonPointer, type PatchOp } from '../json/patch.ts';
import type { KindDescriptor, PatchWrite } from './adapter.ts';

/** The object must be the one that was read, with the same spec and hold. */
export function preconditions({ metadata }: WorkloadObject): PatchOp[] {
  const { uid, generation = 0 } = metadata;
  const text = metadata.annotations?.[ANNOTATIONS.hold];
  return [
    { op: 'test', path: '/metadata/uid', value: uid },
    { op: 'test', path: '/metadata/generation', value: generation },
    ...(text === undefined
      ? []
      : [{ op: 'test', path: annotation(ANNOTATIONS.hold), value: text } as const]),
  ];
}

/** A patch of the workload with its preconditions; none without operations. */
export const patchObject = (
  { resource }: Pick<KindDescriptor, 'resource'>,
  object: WorkloadObject,
  ops: readonly PatchOp[],
): PatchWrite[] =>
  ops.length === 0
    ? []
    : [
        {
          resource: resource.kind,
          name: object.metadata.name,
          ops: [...preconditions(object), ...ops],
        },
      ];

const annotation = (name: string): string => toJsonPointer('metadata', 'annotations', name);

/** The text of the hold annotation. */
export const annotationOf = ({ metadata }: WorkloadObject): string | undefined =>
  metadata.annotations?.[ANNOTATIONS.hold];

export function annotate({ metadata }: WorkloadObject, name: string, value: string): PatchOp[] {
  if (metadata.annotations?.[name] === value) return [];
  return metadata.annotations === undefined
    ? [{ op: 'add', path: '/metadata/annotations', value: { [name]: value } }]
    : [{ op: 'add', path: annotation(name), value }];
}

export const dropAnnotation = ({ metadata }: WorkloadObject, name: string): PatchOp[] =>
  metadata.annotations?.[name] === undefined ? [] : [{ op: 'remove', path: annotation(name) }];
