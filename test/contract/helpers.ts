// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { KubeError, RESOURCES, type KubeObject } from '@altershield/kube';
import { aDeployment } from '../e2e/support/manifests.ts';
import type { ContractTarget } from './target.ts';

export type Json = Readonly<Record<string, unknown>>;

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastUpdateTime?: string;
}

export interface Deployment extends KubeObject {
  readonly spec: {
    readonly replicas: number;
    readonly paused?: boolean;
    readonly minReadySeconds?: number;
    readonly progressDeadlineSeconds: number;
    readonly revisionHistoryLimit: number;
    readonly strategy: { readonly type: string; readonly rollingUpdate?: Json };
    readonly template: { readonly spec: Json };
  };
  readonly status: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly unavailableReplicas?: number;
    readonly conditions?: readonly Condition[];
  };
}

export interface ReplicaSet extends KubeObject {
  readonly spec: {
    readonly replicas: number;
    readonly minReadySeconds?: number;
    readonly template: Json;
  };
  readonly status: { readonly replicas: number; readonly availableReplicas?: number };
}

/** A ConfigMap with one value. */
export const aConfigMap = (name: string, value: string, labels: Json = {}): Json => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, labels },
  data: { value },
});

export interface WebWishes {
  readonly image?: string;
  readonly replicas?: number;
  readonly spec?: Json;
}

/** The Deployment that most behaviours are about: `web` with the image `web:v1`. */
export const aWeb = (namespace: string, { image = 'web:v1', ...rest }: WebWishes = {}): Json =>
  aDeployment({ name: 'web', namespace, image, ...rest });

export const web = (namespace: string) => ({ namespace, name: 'web' });

export const createWeb = (
  { developer }: ContractTarget,
  namespace: string,
  wishes?: WebWishes,
): Promise<Deployment> =>
  developer.create<Deployment>(RESOURCES.deployment, namespace, aWeb(namespace, wishes));

export const getWeb = ({ developer }: ContractTarget, namespace: string): Promise<Deployment> =>
  developer.get<Deployment>(RESOURCES.deployment, web(namespace));

/** A merge patch of the specification of `web`. */
export const patchWeb = (
  { developer }: ContractTarget,
  namespace: string,
  spec: Json,
): Promise<Deployment> =>
  developer.patch<Deployment>(RESOURCES.deployment, web(namespace), {
    type: 'merge',
    body: { spec },
  });

/** What a merge patch of the specification says to change the image. */
export const withImage = (image: string): Json => ({
  template: { spec: { containers: [{ name: 'app', image }], terminationGracePeriodSeconds: 0 } },
});

/** Asserts that a call is refused so, and gives the refusal. */
export async function refused(
  work: Promise<unknown>,
  expected: { readonly status: number; readonly reason?: string; readonly message?: RegExp },
): Promise<KubeError> {
  const error: unknown = await work.then(
    () => assert.fail(`expected ${expected.status}, but the call succeeded`),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof KubeError, String(error));
  assert.equal(error.status, expected.status, error.message);
  if (expected.reason !== undefined) assert.equal(error.reason, expected.reason);
  if (expected.message !== undefined) assert.match(error.server.message ?? '', expected.message);
  return error;
}
