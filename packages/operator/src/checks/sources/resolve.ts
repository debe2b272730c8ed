// SPDX-License-Identifier: Apache-2.0
import type { MetricSourceObject } from '../../objects.ts';

export interface Meant {
  /** The namespace of the policy. */
  readonly namespace: string;
  readonly operatorNamespace: string;
  /** Absent: the default source. */
  readonly name?: string | undefined;
}

interface Sources {
  list(namespace?: string): readonly MetricSourceObject[];
}

/** The source that a policy means: of its own namespace, else of the operator's; or why none. */
export function resolveSource(
  sources: Sources,
  { namespace, operatorNamespace, name }: Meant,
): MetricSourceObject | string {
  const places = [...new Set([namespace, operatorNamespace])];
  for (const place of places) {
    const found = sources
      .list(place)
      .filter(({ metadata, spec }) => (name === undefined ? spec.default : metadata.name === name))
      .sort(byName)[0];
    if (found !== undefined) return found;
  }
  const where = `in namespace ${places.join(' or ')}`;
  return name === undefined
    ? `there is no MetricSource with default: true ${where}; name one in the check, or set spec.default of one`
    : `there is no MetricSource ${name} ${where}; create it, or correct the source of the check`;
}

const byName = (a: MetricSourceObject, b: MetricSourceObject): number =>
  a.metadata.name < b.metadata.name ? -1 : 1;
