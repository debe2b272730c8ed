// SPDX-License-Identifier: Apache-2.0
import type { HttpRoute } from '@altershield/core';
import type { Checkout } from './checkout.ts';

const GATEWAY = 'gateway.networking.k8s.io';
const PATH = `/apis/${GATEWAY}/v1/namespaces/shop/httproutes/checkout`;

/** As much of the CRD of the Gateway API as a write of weights needs. */
const HTTP_ROUTES = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `httproutes.${GATEWAY}` },
  spec: {
    group: GATEWAY,
    scope: 'Namespaced',
    names: { kind: 'HTTPRoute', plural: 'httproutes', singular: 'httproute' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
            },
          },
        },
      },
    ],
  },
};

const SELECTOR = { app: 'checkout' };

const serviceManifest = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'shop' },
  spec: { selector: SELECTOR },
});

const routeManifest = {
  apiVersion: `${GATEWAY}/v1`,
  kind: 'HTTPRoute',
  metadata: { name: 'checkout', namespace: 'shop' },
  spec: {
    rules: [
      {
        backendRefs: [
          { name: 'checkout', port: 80, weight: 1 },
          { name: 'checkout-canary', port: 80, weight: 0 },
        ],
      },
    ],
  },
};

/** The CRD of the Gateway API; before the operator starts, or after. */
export const installRoutes = (checkout: Checkout): Promise<unknown> =>
  checkout.play(checkout.sandbox.apply(HTTP_ROUTES), 1000);

/** A stable and a canary Service, and an HTTPRoute that sends all requests to the stable one. */
export async function addRoutes(checkout: Checkout): Promise<void> {
  for (const manifest of [
    serviceManifest('checkout'),
    serviceManifest('checkout-canary'),
    routeManifest,
  ])
    await checkout.play(checkout.sandbox.apply(manifest), 500);
}

const read = async (checkout: Checkout, path: string): Promise<unknown> =>
  checkout.play(checkout.sandbox.call('GET', { path }), 100);

/** `90/10`: the weights of the stable and of the canary Service. */
export async function weights(checkout: Checkout): Promise<string> {
  const { spec } = (await read(checkout, PATH)) as HttpRoute;
  const refs = spec?.rules?.[0]?.backendRefs ?? [];
  return refs.map(({ weight }) => weight).join('/');
}

/** The Services and the HTTPRoute, as far as their users write them. */
export async function userFields(checkout: Checkout): Promise<unknown> {
  const services = ['checkout', 'checkout-canary'].map(
    (name) => `/api/v1/namespaces/shop/services/${name}`,
  );
  const objects: KubeObject[] = [];
  for (const path of [...services, PATH]) objects.push((await read(checkout, path)) as KubeObject);
  return objects.map(({ metadata, spec }) => [spec, metadata.annotations ?? {}]);
}

interface KubeObject {
  readonly metadata: { readonly annotations?: object };
  readonly spec: object;
}

export const RESTORED = [
  [{ selector: SELECTOR }, {}],
  [{ selector: SELECTOR }, {}],
  [routeManifest.spec, {}],
];
