// SPDX-License-Identifier: Apache-2.0

/** One operation of RFC 6902. `test` before a write turns the patch into a conditional one. */
export type JsonPatchOp =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string }
  | { readonly op: 'move' | 'copy'; readonly from: string; readonly path: string };

/**
 * A change of an object. `json` carries its own preconditions, `merge` replaces lists whole,
 * `apply` is server-side apply under the client's field manager (`force` takes fields over).
 */
export type Patch =
  | { readonly type: 'json'; readonly ops: readonly JsonPatchOp[] }
  | { readonly type: 'merge'; readonly body: object }
  | { readonly type: 'apply'; readonly body: object; readonly force?: boolean };

export function contentTypeOf(patch: Patch): string {
  switch (patch.type) {
    case 'json':
      return 'application/json-patch+json';
    case 'merge':
      return 'application/merge-patch+json';
    case 'apply':
      return 'application/apply-patch+yaml';
  }
}

/** JSON is YAML, so the body of an apply patch needs no YAML writer. */
export const bodyOf = (patch: Patch): string =>
  JSON.stringify(patch.type === 'json' ? patch.ops : patch.body);
