// SPDX-License-Identifier: Apache-2.0
import { API_VERSION } from '@altershield/api';

export interface WorkloadOptions {
  readonly name?: string;
  readonly namespace?: string;
  readonly image: string;
  readonly replicas?: number;
  readonly spec?: object;
  /** Fields of the pod's spec beside the container. */
  readonly podSpec?: object;
}

/** A Deployment as a user writes it. */
export const deploymentManifest = (options: WorkloadOptions) =>
  workloadManifest({ apiVersion: 'apps/v1', kind: 'Deployment' }, options);

/** A workload as a user writes it. */
export function workloadManifest(
  type: { readonly apiVersion: string; readonly kind: string },
  options: WorkloadOptions,
) {
  const { name = 'checkout', namespace = 'shop', image, replicas = 10, spec = {} } = options;
  const { podSpec } = options;
  return {
    ...type,
    metadata: { name, namespace, labels: { tier: 'web' } },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'app', image }], ...podSpec },
      },
      ...spec,
    },
  };
}

/** A ChangePolicy as a user writes it. */
export const policyManifest = (spec: object, name = 'web', namespace = 'shop') => ({
  apiVersion: API_VERSION,
  kind: 'ChangePolicy',
  metadata: { name, namespace },
  spec,
});
