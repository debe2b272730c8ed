// SPDX-License-Identifier: Apache-2.0
import { dig, list, text } from '../json.ts';
import type { Node, Pod, PodSpec } from './types.ts';

/** Whether the pod's `nodeSelector` allows the node. */
export const selects = ({ nodeSelector = {} }: PodSpec, { metadata }: Node): boolean =>
  Object.entries(nodeSelector).every(([key, value]) => metadata.labels?.[key] === value);

/** The node affinity by which a DaemonSet gives a pod its node. */
export const pinnedTo = (node: string) => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [
        { matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] },
      ],
    },
  },
});

/** The node that a DaemonSet gave the pod. */
export function pinnedNode({ affinity }: PodSpec): string | undefined {
  const required = dig(affinity, 'nodeAffinity', 'requiredDuringSchedulingIgnoredDuringExecution');
  const [term] = list(dig(required, 'nodeSelectorTerms'));
  const [field] = list(dig(term, 'matchFields'));
  return text(list(dig(field, 'values'))[0]) || undefined;
}

/** The node of a pod, or the one that it waits for. */
export const nodeOf = ({ spec }: Pod): string => spec.nodeName ?? pinnedNode(spec) ?? '';
