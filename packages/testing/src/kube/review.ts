// SPDX-License-Identifier: Apache-2.0

const deployment = (image: string): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'checkout', namespace: 'shop', uid: 'd-1', resourceVersion: '7' },
  spec: {
    brandNewField: 'kept',
    replicas: 10,
    template: {
      metadata: { labels: { app: 'checkout' } },
      spec: {
        containers: Array.from({ length: 6 }, (_, i) => ({
          name: `container-${i}`,
          image,
          env: Array.from({ length: 10 }, (_, j) => ({ name: `NAME_${j}`, value: `value ${j}` })),
          resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { memory: '128Mi' } },
        })),
      },
    },
  },
});

/** An UPDATE of a Deployment, about 7 KB; `fields` replace those of the request. */
export function reviewBytes(
  fields: object = {},
  apiVersion = 'admission.k8s.io/v1',
  request: unknown = { ...defaultRequest(), ...fields },
): Buffer {
  return Buffer.from(JSON.stringify({ kind: 'AdmissionReview', apiVersion, request }));
}

const defaultRequest = (): object => ({
  uid: 'u-1',
  kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
  resource: { group: 'apps', version: 'v1', resource: 'deployments' },
  name: 'checkout',
  namespace: 'shop',
  operation: 'UPDATE',
  userInfo: {
    username: 'alice',
    groups: ['dev', 'system:authenticated'],
    extra: { team: ['web'] },
  },
  object: deployment('shop/checkout:2'),
  oldObject: deployment('shop/checkout:1'),
  dryRun: false,
  options: { kind: 'UpdateOptions', apiVersion: 'meta.k8s.io/v1' },
});
