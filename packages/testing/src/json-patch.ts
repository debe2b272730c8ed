// SPDX-License-Identifier: Apache-2.0
import { deepStrictEqual } from 'node:assert/strict';
import type { PatchOp } from '../../core/src/json/patch.ts';

type Node = Record<string, unknown>;

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null;

/** Applies a JSON patch as the API server does: all of it or, with an error, nothing. */
export function applyPatch<T>(target: T, ops: readonly PatchOp[]): T {
  const root: Node = { root: structuredClone(target) };
  for (const op of ops) applyOne(root, op);
  return root['root'] as T;
}

function applyOne(root: Node, op: PatchOp): void {
  const parts = ['root', ...op.path.split('/').slice(1).map(unescape)];
  const key = parts.pop() ?? '';
  const parent = parts.reduce<unknown>(
    (node, part) => (isNode(node) ? node[part] : undefined),
    root,
  );
  if (!isNode(parent)) throw new Error(`${op.op} ${op.path}: there is no parent`);
  if (Array.isArray(parent) && op.op !== 'test') {
    applyToList(parent, key, op);
    return;
  }
  const isThere = Object.hasOwn(parent, key);
  if (op.op !== 'add' && !isThere) throw new Error(`${op.op} ${op.path}: there is nothing`);
  if (op.op === 'test') deepStrictEqual(parent[key], op.value);
  else if (op.op === 'remove') Reflect.deleteProperty(parent, key);
  else parent[key] = structuredClone(op.value);
}

function applyToList(list: unknown[], key: string, op: PatchOp): void {
  const index = key === '-' ? list.length : Number(key);
  const isIn = index >= 0 && (op.op === 'add' ? index <= list.length : index < list.length);
  if (!isIn) throw new Error(`${op.op} ${op.path}: there is nothing`);
  const value = op.op === 'remove' ? [] : [structuredClone(op.value)];
  list.splice(index, op.op === 'add' ? 0 : 1, ...value);
}

const unescape = (part: string): string => part.replaceAll('~1', '/').replaceAll('~0', '~');
