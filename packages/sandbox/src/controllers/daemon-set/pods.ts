// SPDX-License-Identifier: Apache-2.0
import { TEMPLATE_GENERATION } from '../../api-server/kinds/daemon-set.ts';
import { ownerReference, type NewObject } from '../cluster.ts';
import { availableAt } from '../conditions.ts';
import { nodeOf, pinnedTo, selects } from '../nodes.ts';
import type { ControllerRevision, DaemonSet, Node, Pod } from '../types.ts';

/** Label of pods and revisions with the hash of their template. */
export const REVISION_LABEL = 'controller-revision-hash';

/** The revisions that the controller compares pods with. */
export interface Template {
  readonly hash: string;
  readonly generation: string;
}

export const templateOf = (set: DaemonSet, update: ControllerRevision): Template => ({
  hash: update.metadata.labels?.[REVISION_LABEL] ?? '',
  generation: set.metadata.annotations?.[TEMPLATE_GENERATION] ?? '',
});

export const isUpdated = ({ metadata }: Pod, { hash, generation }: Template): boolean =>
  metadata.labels?.[REVISION_LABEL] === hash ||
  metadata.labels?.['pod-template-generation'] === generation;

/** Whether the DaemonSet wants a pod on the node. Taints are out of scope. */
export const wants = ({ spec }: DaemonSet, node: Node): boolean =>
  selects(spec.template.spec, node) &&
  (spec.template.spec.nodeName ?? node.metadata.name) === node.metadata.name;

/** Pods by the node that they are on or wait for; one that terminates still has its node. */
export function byNode(pods: readonly Pod[]): Map<string, Pod[]> {
  const nodes = new Map<string, Pod[]>();
  for (const pod of pods) nodes.set(nodeOf(pod), [...(nodes.get(nodeOf(pod)) ?? []), pod]);
  return nodes;
}

export const isTerminating = ({ metadata }: Pod): boolean =>
  metadata.deletionTimestamp !== undefined;

export const hasEnded = ({ status }: Pod): boolean =>
  status.phase === 'Failed' || status.phase === 'Succeeded';

export const isAvailable = (pod: Pod, set: DaemonSet, now: number): boolean =>
  (availableAt(pod, set.spec.minReadySeconds ?? 0) ?? Infinity) <= now;

/** The pod that the controller creates for a node: always from the newest template. */
export function newPod(set: DaemonSet, node: string, { hash, generation }: Template): NewObject {
  const { metadata, spec } = set.spec.template;
  const labels = {
    ...metadata.labels,
    [REVISION_LABEL]: hash,
    'pod-template-generation': generation,
  };
  return {
    metadata: {
      ...metadata,
      generateName: `${set.metadata.name}-`,
      namespace: set.metadata.namespace ?? '',
      labels,
      ownerReferences: [ownerReference(set)],
    },
    spec: { ...spec, affinity: { ...spec.affinity, ...pinnedTo(node) } },
  };
}
