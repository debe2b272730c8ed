// SPDX-License-Identifier: Apache-2.0
import type { Json } from '../json.ts';
import type { ResourceDefinition } from './definition.ts';
import { UnknownPath } from './failure.ts';
import type { KubernetesVersion } from './kubernetes-version.ts';
import type { Registry } from './registry.ts';

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** What `/version` answers. */
export const versionInfo = (kubernetes: KubernetesVersion): Json => ({
  major: '1',
  minor: kubernetes.slice(2),
  gitVersion: `v${kubernetes}.0-sandbox`,
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '2026-01-01T00:00:00Z',
  goVersion: 'none',
  compiler: 'none',
  platform: 'sandbox',
});

/** Answers `/api`, `/apis`, `/api/v1`, `/apis/G` and `/apis/G/V`; undefined for any other path. */
export function discover(parts: readonly string[], registry: Registry): Json | undefined {
  const [root, group, version, ...rest] = parts;
  if (rest.length > 0) return undefined;
  if (root === 'api') return coreDiscovery(parts, registry);
  if (root !== 'apis') return undefined;
  if (group === undefined) return groupList(registry);
  const versions = versionsOf(group, registry);
  if (versions.length === 0) throw new UnknownPath();
  if (version === undefined)
    return { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(group, registry) };
  if (!versions.includes(version)) throw new UnknownPath();
  return resourceList(group, version, registry);
}

function coreDiscovery(parts: readonly string[], registry: Registry): Json | undefined {
  if (parts.length === 1) return { kind: 'APIVersions', versions: ['v1'] };
  return parts.length === 2 && parts[1] === 'v1' ? resourceList('', 'v1', registry) : undefined;
}

const versionsOf = (group: string, registry: Registry): string[] => [
  ...new Set(
    registry
      .all()
      .filter(({ resource }) => resource.group === group)
      .map(({ resource }) => resource.version),
  ),
];

function groupOf(name: string, registry: Registry): Json {
  const versions = versionsOf(name, registry).map((version) => ({
    groupVersion: `${name}/${version}`,
    version,
  }));
  return { name, versions, preferredVersion: versions[0] };
}

function groupList(registry: Registry): Json {
  const names = new Set(registry.all().map(({ resource }) => resource.group));
  names.delete('');
  return {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: [...names].map((name) => groupOf(name, registry)),
  };
}

function resourceList(group: string, version: string, registry: Registry): Json {
  const served = registry
    .all()
    .filter(({ resource }) => resource.group === group && resource.version === version);
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: group === '' ? version : `${group}/${version}`,
    resources: served.flatMap(entriesOf),
  };
}

function entriesOf(definition: ResourceDefinition): Json[] {
  const { plural, kind, namespaced } = definition.resource;
  const { singular, shortNames, categories } = definition;
  const sub = (name: string, extra: Json = {}): Json => ({
    name: `${plural}/${name}`,
    singularName: '',
    namespaced,
    kind,
    verbs: ['get', 'patch', 'update'],
    ...extra,
  });
  return [
    {
      name: plural,
      singularName: singular,
      namespaced,
      kind,
      verbs: VERBS,
      ...(shortNames.length > 0 ? { shortNames } : {}),
      ...(categories.length > 0 ? { categories } : {}),
    },
    ...(definition.hasStatus ? [sub('status')] : []),
    ...(definition.scale === undefined
      ? []
      : [sub('scale', { group: 'autoscaling', version: 'v1', kind: 'Scale' })]),
  ];
}
