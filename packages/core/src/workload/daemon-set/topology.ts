// SPDX-License-Identifier: Apache-2.0
import { asJsonObject } from '../../json/json.ts';
import type { TopologyDomain } from '../../policy/steps.ts';
import type { RelatedObject } from '../adapter.ts';
import type { DaemonSet } from './objects.ts';

export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** In the order of their names; the nodes without the label come last. */
export const byDomain = (a: string, b: string): number =>
  a === b ? 0 : a === '' ? 1 : b === '' ? -1 : byText(a, b);

/** The value of a label of a node, by the node's name; empty: it has none. */
export function domainOf(nodes: readonly RelatedObject[], key: string): (node: string) => string {
  const values = new Map(
    nodes.map(({ metadata }) => [metadata.name, metadata.labels?.[key] ?? '']),
  );
  return (node) => values.get(node) ?? '';
}

/**
 * The domains of the nodes that the DaemonSet's own nodeSelector selects. They come from the nodes and not from
 * the pods: a batch must keep its number while the only pod of a domain is replaced.
 */
export const domainsOf =
  (
    { spec }: DaemonSet,
    nodes: readonly RelatedObject[],
    stableNodes: () => readonly string[],
  ): ((key: string) => readonly TopologyDomain[]) =>
  (key) => {
    const { nodeSelector } = asJsonObject(spec.template['spec']);
    const selector = Object.entries(asJsonObject(nodeSelector));
    const selected = nodes.filter(({ metadata: { labels = {} } }) =>
      selector.every(([name, value]) => labels[name] === value),
    );
    const of = domainOf(nodes, key);
    const stable = stableNodes().map(of);
    const names = new Set([...selected.map(({ metadata }) => of(metadata.name)), ...stable]);
    return [...names].sort(byDomain).map((name) => ({
      name,
      stable: stable.filter((domain) => domain === name).length,
    }));
  };
