// SPDX-License-Identifier: Apache-2.0
import {
  BASE_RULES,
  OWN_NAMESPACE_RULES,
  rulesOf,
  withoutOptional,
  type PolicyRule,
  type WorkloadAdapter,
} from '@altershield/core';
import { isNotFound, type Client } from '@altershield/kube';

interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** The rights that the operator needs for any kind: without them, it would hang or fail later. */
const base = (namespace: string): Right[] => [
  ...BASE_RULES.flatMap(rightsOf),
  ...OWN_NAMESPACE_RULES.flatMap(rightsOf).map((right) => ({ ...right, namespace })),
];

function rightsOf({ apiGroups, resources, resourceNames, verbs }: PolicyRule): Right[] {
  const names = resourceNames?.map((name) => ({ name })) ?? [{}];
  return apiGroups.flatMap((group) =>
    resources.flatMap((path) => {
      const [resource = '', subresource] = path.split('/');
      const sub = subresource === undefined ? {} : { subresource };
      return names.flatMap((name) =>
        verbs.map((verb) => ({ verb, group, resource, ...sub, ...name })),
      );
    }),
  );
}

/** The permissions that the operator lacks, in the form `deployments.apps (list, patch)`. */
export const missingPermissions = (
  client: Pick<Client, 'raw'>,
  namespace: string,
): Promise<string[]> => missingAmong(client, base(namespace));

/** The permissions that the operator lacks to follow one kind, and for what it can do without. */
export async function missingForKind(
  client: Pick<Client, 'raw'>,
  adapter: WorkloadAdapter,
): Promise<{ readonly needed: string[]; readonly optional: string[] }> {
  const needed = rulesOf(withoutOptional(adapter).descriptor);
  const known = new Set(needed.map((rule) => JSON.stringify(rule)));
  const optional = rulesOf(adapter.descriptor).filter((rule) => !known.has(JSON.stringify(rule)));
  return {
    needed: await missingAmong(client, needed.flatMap(rightsOf)),
    optional: await missingAmong(client, optional.flatMap(rightsOf)),
  };
}

async function missingAmong(
  client: Pick<Client, 'raw'>,
  rights: readonly Right[],
): Promise<string[]> {
  const granted = await Promise.all(rights.map((right) => isGranted(client, right)));
  const missing = rights.filter((_, i) => granted[i] === false);
  return [...new Set(missing.map(describe))].map((what) => {
    const verbs = missing.filter((right) => describe(right) === what).map(({ verb }) => verb);
    return `${what} (${[...new Set(verbs)].join(', ')})`;
  });
}

async function isGranted(client: Pick<Client, 'raw'>, right: Right): Promise<boolean> {
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: right },
  };
  try {
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const answer: unknown = await client.raw('POST', path, body);
    const { status } = { status: {}, ...Object(answer) } as {
      readonly status: { readonly allowed?: boolean };
    };
    return status.allowed !== false;
  } catch (error) {
    // The API server does not serve this review: the actual requests will show missing permissions.
    if (isNotFound(error)) return true;
    throw error;
  }
}

function describe({ group, resource, subresource, namespace }: Right): string {
  const sub = subresource === undefined ? '' : `/${subresource}`;
  const dotted = group === '' ? '' : `.${group}`;
  const where = namespace === undefined ? '' : ` in ${namespace}`;
  return `${resource}${dotted}${sub}${where}`;
}
