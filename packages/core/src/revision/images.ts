// SPDX-License-Identifier: Apache-2.0
import { asJsonObject } from '../json/json.ts';
import type { Template } from '../json/objects.ts';

/** Images of a template's containers, init containers first; also of the template of a Job. */
export function imagesOf(template: Template): string[] {
  const spec = asJsonObject(template['spec']);
  if (spec['template'] !== undefined) return imagesOf(asJsonObject(spec['template']));
  return [spec['initContainers'], spec['containers']]
    .flatMap((list): unknown[] => (Array.isArray(list) ? list : []))
    .map((container) => asJsonObject(container)['image'])
    .filter((image): image is string => typeof image === 'string')
    .slice(0, 32);
}
