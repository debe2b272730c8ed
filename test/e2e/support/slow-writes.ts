// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import type { ClusterAccess } from '../../cluster/access.ts';

const PATH = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
const OPERATOR_USER = 'system:serviceaccount:altershield-system:altershield';

/**
 * From now on each write of the operator to a Deployment of a namespace, but not to its status, takes
 * a second: it waits for a webhook that does not answer. Gives what ends that.
 */
export async function slowWrites(
  cluster: ClusterAccess,
  namespace: string,
): Promise<() => Promise<void>> {
  const silent = createServer();
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const name = `slow-${namespace}`;
  const webhook = {
    ...{ name: 'slow.example.com', admissionReviewVersions: ['v1'], sideEffects: 'None' },
    clientConfig: { url: `https://127.0.0.1:${port}/` },
    ...{ timeoutSeconds: 1, failurePolicy: 'Ignore' },
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    matchConditions: [
      { name: 'operator', expression: `request.userInfo.username == '${OPERATOR_USER}'` },
    ],
    rules: [
      {
        ...{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['UPDATE'] },
        resources: ['deployments'],
      },
    ],
  };
  const body = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name },
    webhooks: [webhook],
  };
  await cluster.call({ method: 'POST', path: PATH, body });
  return async () => {
    await cluster.call({ method: 'DELETE', path: `${PATH}/${name}` });
    silent.close();
  };
}
