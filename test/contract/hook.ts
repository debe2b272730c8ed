// SPDX-License-Identifier: Apache-2.0

import { RESOURCES } from '@altershield/kube';
import type { Json } from './helpers.ts';
import { until, type ContractTarget, type ReviewRequest, type ReviewResponse } from './target.ts';

const { mutatingWebhook, validatingWebhook } = RESOURCES;

export interface Hook {
  readonly isMutating?: boolean;
  readonly resources?: readonly string[];
  readonly operations?: readonly string[];
  readonly config?: Json;
  readonly answer?: (request: ReviewRequest) => ReviewResponse;
  /** Default: served by the suite. */
  readonly url?: string;
}

export interface Installed {
  readonly namespace: string;
  /** What the webhook was asked, without the dry runs by which the suite waits for it. */
  readonly requests: readonly ReviewRequest[];
  remove(): Promise<void>;
}

const PROBE = 'suite-probe';

/** Registers a webhook for one namespace and waits until the API server calls it. */
export async function install(target: ContractTarget, hook: Hook): Promise<Installed> {
  const namespace = await target.namespace();
  const requests: ReviewRequest[] = [];
  let probes = 0;
  const { url, caBundle } = await target.webhook((request) => {
    if (request.name?.startsWith(PROBE) === true) {
      probes += 1;
      return {};
    }
    requests.push(request);
    return hook.answer?.(request) ?? {};
  });
  const resource = hook.isMutating === false ? validatingWebhook : mutatingWebhook;
  const name = `suite-${namespace}`;
  const common = {
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
  };
  const rules = (resources: readonly string[], operations: readonly string[]) => [
    { apiGroups: ['*'], apiVersions: ['*'], resources, operations },
  ];
  const webhook = {
    ...common,
    name: 'suite.example.com',
    clientConfig: hook.url === undefined ? { url, caBundle } : { url: hook.url },
    rules: rules(
      hook.resources ?? ['configmaps', 'deployments'],
      hook.operations ?? ['CREATE', 'UPDATE'],
    ),
    ...hook.config,
  };
  const probe = {
    ...common,
    name: 'probe.example.com',
    clientConfig: { url, caBundle },
    rules: rules(['secrets'], ['CREATE']),
  };
  await target.admin.create(resource, '', {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: resource.kind,
    metadata: { name },
    webhooks: [webhook, probe],
  });
  await until(target, 'the webhook to be called', async () => {
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: PROBE } };
    await target.admin.create(RESOURCES.secret, namespace, secret, { dryRun: true });
    return probes > 0;
  });
  const remove = async (): Promise<void> => {
    await target.admin.delete(resource, { namespace: '', name });
  };
  return { namespace, requests, remove };
}
