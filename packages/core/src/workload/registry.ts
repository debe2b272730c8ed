// SPDX-License-Identifier: Apache-2.0
import type { APIResource, WorkloadAdapter } from './adapter.ts';
import { cronJob } from './cron-job/adapter.ts';
import { daemonSet } from './daemon-set/adapter.ts';
import { job } from './job/adapter.ts';
import { deployment } from './deployment/adapter.ts';
import { RECORDED_KINDS } from './recorded-kinds.ts';
import { statefulSet } from './stateful-set/adapter.ts';

/** Every kind that AlterShield follows. A new kind is one folder and one entry here. */
export const ADAPTERS: readonly WorkloadAdapter[] = [
  deployment,
  statefulSet,
  daemonSet,
  job,
  cronJob,
];

/** Every kind that a policy can name. */
export const POLICY_KINDS = [...ADAPTERS.map(({ descriptor }) => descriptor), ...RECORDED_KINDS];

/** The adapter without the related resources that a cluster may not serve. */
export const withoutOptional = (adapter: WorkloadAdapter): WorkloadAdapter => {
  const related = Object.entries(adapter.descriptor.relatedResources);
  const relatedResources = Object.fromEntries(
    related.filter(([, { isOptional }]) => isOptional !== true),
  );
  return { ...adapter, descriptor: { ...adapter.descriptor, relatedResources } };
};

type GroupKind = Pick<APIResource, 'group' | 'kind'>;

/** `Deployment.apps`: a kind's name is unique only within its group. */
export const groupKind = ({ group, kind }: GroupKind): string =>
  group === '' ? kind : `${kind}.${group}`;

const byGroupKind = new Map(ADAPTERS.map((a) => [groupKind(a.descriptor.resource), a]));

/** The adapter of a kind; undefined when AlterShield does not follow it. */
export const adapterOf = (kind: GroupKind): WorkloadAdapter | undefined =>
  byGroupKind.get(groupKind(kind));

/**
 * The adapter for a kind as typed on the command line: `deploy`, `StatefulSet`,
 * `statefulsets.apps`.
 */
export const adapterNamed = (name: string): WorkloadAdapter | undefined =>
  byName.get(name.toLowerCase());

const byName = new Map(
  ADAPTERS.flatMap((adapter) => {
    const { cliNames, resource } = adapter.descriptor;
    return cliNames.flatMap((name) => [
      [name, adapter] as const,
      [`${name}.${resource.group}`, adapter] as const,
    ]);
  }),
);

/** The group of an `apiVersion`, '' for the core group. */
export const groupOf = (apiVersion: string): string =>
  apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';

/** The adapter for the target of a record. */
export const adapterOfTarget = ({
  apiVersion,
  kind,
}: {
  readonly apiVersion: string;
  readonly kind: string;
}): WorkloadAdapter | undefined => adapterOf({ group: groupOf(apiVersion), kind });
