// SPDX-License-Identifier: Apache-2.0
import { GROUP } from '@altershield/api';
import { isNotFound, type Client } from '@altershield/kube';

interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

const all = (verbs: readonly string[], group: string, resources: readonly string[]): Right[] =>
  resources.flatMap((resource) => verbs.map((verb) => ({ verb, group, resource })));

/** What the operator does to the cluster; without any one of these it would wait or fail later. */
function needed(namespace: string): Right[] {
  const records = ['changeworkloads', 'changepods'];
  const webhooks = ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'];
  const own = (name: string, verbs: readonly string[], group: string, resource: string): Right[] =>
    all(verbs, group, [resource]).map((right) => ({ ...right, namespace, name }));
  return [
    ...all(['list', 'watch'], '', ['pods', 'namespaces']),
    ...all(['list', 'watch', 'patch'], 'apps', ['deployments', 'replicasets']),
    ...all(['list', 'watch'], GROUP, ['changepolicies', ...records]),
    ...all(['create', 'delete'], GROUP, records),
    ...['changepolicies', ...records].map(
      (resource) => ({ verb: 'patch', group: GROUP, resource, subresource: 'status' }) as const,
    ),
    ...all(['create'], '', ['events']),
    ...all(['get', 'list', 'watch', 'patch'], 'admissionregistration.k8s.io', webhooks).map(
      (right) => ({
        ...right,
        name: 'altershield',
      }),
    ),
    ...own('altershield', ['get', 'patch'], 'coordination.k8s.io', 'leases'),
    ...own('altershield-webhook', ['get', 'list', 'watch', 'patch'], '', 'secrets'),
    ...own('altershield-seal', ['get'], '', 'secrets'),
    { verb: 'create', group: 'coordination.k8s.io', resource: 'leases', namespace },
    { verb: 'create', group: '', resource: 'secrets', namespace },
  ];
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
