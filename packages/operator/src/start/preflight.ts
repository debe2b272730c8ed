// SPDX-License-Identifier: Apache-2.0
import { GROUP, KINDS, VERSION } from '@altershield/api';
import { ADAPTERS, withoutOptional, type WorkloadAdapter } from '@altershield/core';
import { KubeError, RESOURCES, isNotFound, type Client, type Logger } from '@altershield/kube';
import { missingForKind, missingPermissions } from './permissions.ts';

/** A missing precondition of the operator; the message says what to do. */
export class PreflightError extends Error {
  override readonly name = 'PreflightError';
}

/** Checks permissions, kinds and the namespace. Throws an error that names each missing one. */
export async function preflight(client: Client, namespace: string): Promise<void> {
  const denied = await missingPermissions(client, namespace);
  if (denied.length > 0) {
    const user = await whoAmI(client);
    throw new PreflightError(
      `${user} lacks permissions: ${denied.join(', ')}. Bind it to the ClusterRole and the Role altershield; both come with: ${installHint(namespace)}`,
    );
  }
  const missing = [...(await missingKinds(client)), ...(await missingNamespace(client, namespace))];
  if (missing.length === 0) return;
  throw new PreflightError(`${missing.join('; ')}. Run: ${installHint(namespace)}`);
}

/** The kinds that the operator has permissions to follow. Throws if there are none. */
export async function permittedKinds(
  client: Client,
  { namespace, log }: { readonly namespace: string; readonly log: Logger },
): Promise<readonly WorkloadAdapter[]> {
  const answers = await Promise.all(
    ADAPTERS.map(async (adapter) => ({
      adapter,
      missing: await missingForKind(client, adapter),
    })),
  );
  const hint = `bind the operator to the ClusterRole altershield: ${installHint(namespace)}`;
  for (const { adapter, missing } of answers) {
    const { kind } = adapter.descriptor.resource;
    const { needed, optional } = missing;
    if (needed.length > 0)
      log.warn('a kind is not followed: permissions are missing', { kind, missing: needed, hint });
    else if (optional.length > 0)
      log.warn('a kind is followed in part: permissions are missing', {
        ...{ kind, missing: optional, hint },
      });
  }
  const permitted = answers.filter(({ missing }) => missing.needed.length === 0);
  if (permitted.length > 0)
    return permitted.map(({ adapter, missing }) =>
      missing.optional.length === 0 ? adapter : withoutOptional(adapter),
    );
  const all = answers.flatMap(({ missing }) => missing.needed);
  throw new PreflightError(
    `${await whoAmI(client)} lacks permissions: ${[...new Set(all)].join(', ')}. Bind it to the ClusterRole altershield; it comes with: ${installHint(namespace)}`,
  );
}

const installHint = (namespace: string): string =>
  `altershield install -n ${namespace}; for an operator that runs elsewhere: kubectl apply -f deploy/crds -f deploy/rbac.yaml`;

async function missingKinds(client: Client): Promise<string[]> {
  try {
    const list = await client.raw('GET', `/apis/${GROUP}/${VERSION}`);
    const { resources } = { resources: [], ...Object(list) } as {
      readonly resources: readonly { readonly name?: string }[];
    };
    const served = new Set(resources.map(({ name }) => name));
    return KINDS.filter(({ plural }) => !served.has(plural)).map(
      ({ plural }) => `the cluster has no kind ${plural}.${GROUP}`,
    );
  } catch (error) {
    if (isNotFound(error))
      return [`the cluster does not know ${GROUP}/${VERSION}: its CRDs are missing`];
    throw error;
  }
}

async function missingNamespace(client: Client, namespace: string): Promise<string[]> {
  try {
    await client.get(RESOURCES.namespace, { namespace: '', name: namespace });
    return [];
  } catch (error) {
    if (isNotFound(error)) return [`there is no namespace ${namespace}`];
    throw error;
  }
}

/** The operator's user name at the API server: it identifies the operator's own writes. */
export async function whoAmI(client: Client): Promise<string> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const answer = await client.raw(
    'POST',
    '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    body,
  );
  const { status } = { status: {}, ...Object(answer) } as {
    readonly status: { readonly userInfo?: { readonly username?: string } };
  };
  const name = status.userInfo?.username;
  if (name !== undefined && name !== '') return name;
  throw new KubeError({
    doing: 'ask the API server for the operator’s user name (selfsubjectreviews)',
    status: 0,
    cause: new Error('the answer has no user name'),
  });
}
