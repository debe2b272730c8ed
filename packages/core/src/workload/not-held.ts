// SPDX-License-Identifier: Apache-2.0
import { isEqual } from '../json/canonical.ts';
import type { Template } from '../json/objects.ts';
import { valueAt } from '../json/patch.ts';
import type { KindDescriptor } from './adapter.ts';

/**
 * The fields of a change that the kind's controller applies at once, whatever is held, by JSON
 * pointer into the workload.
 */
export const notHeldFields = (
  {
    revisionPath,
    appliedImmediately = [],
  }: Pick<KindDescriptor, 'revisionPath' | 'appliedImmediately'>,
  from: Template,
  to: Template,
): string[] =>
  appliedImmediately.filter((path) => {
    const within = path.slice(revisionPath.length);
    return !isEqual(valueAt(from, within), valueAt(to, within));
  });
