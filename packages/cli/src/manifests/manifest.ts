// SPDX-License-Identifier: Apache-2.0
import { RELEASE } from '../version.ts';

/** A Kubernetes object before it is stored. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export interface InstallOptions {
  /** Where the operator runs; policies in it apply to the whole cluster. */
  readonly namespace: string;
  readonly image: string;
  readonly replicas: number;
}

export const DEFAULT_OPTIONS: InstallOptions = {
  namespace: 'altershield-system',
  image: `ghcr.io/altershield/operator:${RELEASE}`,
  replicas: 2,
};

/** The name of the operator's own objects. */
export const NAME = 'altershield';

/** The Service that the webhook configurations point to. */
export const WEBHOOK_SERVICE = 'altershield-webhook';

export const PORTS = { webhook: 9443, health: 8081 } as const;

/** Labels that pick the operator's pods. Part of a Deployment's identity: never change them. */
export const SELECTOR = { 'app.kubernetes.io/name': NAME } as const;

export const labels: Readonly<Record<string, string>> = {
  ...SELECTOR,
  'app.kubernetes.io/part-of': NAME,
};
