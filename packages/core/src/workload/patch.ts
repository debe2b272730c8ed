// SPDX-License-Identifier: Apache-2.0

export type PatchOp =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/** One write of the workload or of a revision object it owns. Conditions travel in the patch. */
export interface Write {
  readonly resource: 'Deployment' | 'ReplicaSet';
  readonly subresource?: 'status';
  readonly name: string;
  /** For information only: the writes after it are made whether it succeeds or not. */
  readonly isOptional?: true;
  readonly ops: readonly PatchOp[];
}

/** A JSON pointer from its parts. */
export const pointer = (...parts: readonly string[]): string =>
  parts.map((p) => `/${p.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
