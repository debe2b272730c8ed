// SPDX-License-Identifier: Apache-2.0
import { asJsonObject } from '../json/json.ts';
import type { ObjectMeta, Template } from '../json/objects.ts';

export interface ControllerRevision {
  readonly metadata: ObjectMeta;
  readonly data?: unknown;
}

const templates = new WeakMap<object, Template>();

/** The pod template in a ControllerRevision, without the `$patch` directive used to restore it. */
export function templateOf({ data }: ControllerRevision): Template | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  const known = templates.get(data);
  if (known !== undefined) return known;
  const template = asJsonObject(asJsonObject(data)['spec'])['template'];
  if (template === undefined) return undefined;
  const { $patch: _, ...kept } = asJsonObject(template);
  templates.set(data, kept);
  return kept;
}
