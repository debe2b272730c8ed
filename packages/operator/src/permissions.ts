// SPDX-License-Identifier: Apache-2.0
import { OPERATOR_RULES, OWN_NAMESPACE_RULES, type PolicyRule } from '@altershield/api';
import { isNotFound, type Client } from '@altershield/kube';

interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** What we are to have been granted; without any one of these we would wait or fail later. */
const needed = (namespace: string): Right[] => [
  ...OPERATOR_RULES.flatMap(rightsOf),
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

/** The permissions that the operator needs and does not have, as `deployments.apps (list, patch)`. */
export async function missingPermissions(
  client: Pick<Client, 'raw'>,
  namespace: string,
): Promise<string[]> {
  const rights = needed(namespace);
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
    // An API server without this review can't be asked; it will say so when it matters.
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
