// SPDX-License-Identifier: Apache-2.0
import {
  API_VERSION,
  changePolicySpec,
  type ChangePod,
  type ChangePodSpec,
  type ChangePodStatus,
  type ChangePolicy,
  type ChangeWorkload,
  type ChangeWorkloadSpec,
  type ChangeWorkloadStatus,
} from '@altershield/api';

/** Builders of stored objects for tests: a bad rollout of `checkout` at 10:00:00 UTC. */
export const START = '2026-01-01T10:00:00Z';

/** `START` plus some seconds. */
export const at = (seconds: number): string =>
  new Date(Date.parse(START) + seconds * 1000).toISOString().replace('.000Z', 'Z');

const stored = <S, T>(
  kind: string,
  name: string,
  rest: { spec: S; status?: T | undefined },
): {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    resourceVersion: string;
    creationTimestamp: string;
  };
  spec: S;
  status?: T;
} => ({
  apiVersion: API_VERSION,
  kind,
  metadata: {
    name,
    namespace: 'shop',
    uid: `uid-${name}`,
    resourceVersion: '1',
    creationTimestamp: START,
  },
  spec: rest.spec,
  ...(rest.status === undefined ? {} : { status: rest.status }),
});

const TARGET = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  name: 'checkout',
  uid: 'uid-of-checkout',
} as const;

export function aChange(
  status?: Partial<ChangeWorkloadStatus>,
  spec: Partial<ChangeWorkloadSpec> = {},
): ChangeWorkload {
  const sequence = spec.sequence ?? 7;
  const name = `${spec.target?.name ?? TARGET.name}-${sequence}`;
  return stored('ChangeWorkload', name, {
    spec: { ...changeSpec(sequence), ...spec },
    status:
      status === undefined
        ? undefined
        : ({
            phase: 'Running',
            reason: 'BatchReleasing',
            message: '',
            verdict: 'Pending',
            ...status,
          } as const),
  });
}

const changeSpec = (sequence: number): ChangeWorkloadSpec => ({
  target: TARGET,
  sequence,
  operation: 'Update',
  detectedBy: 'Admission',
  detectedAt: START,
  actor: {
    user: 'alice',
    groups: ['developers', 'system:authenticated'],
    fieldManager: 'kubectl-set',
    stamped: true,
  },
  cause: { tool: 'kubectl', action: 'Update' },
  from: {
    fingerprint: '4f2a9c0000000000',
    quarantineKey: 'refusal-of-v7',
    images: ['shop/checkout:v7'],
    verified: true,
    template: {},
  },
  to: {
    fingerprint: '9c1b000000000000',
    quarantineKey: 'refusal-of-8',
    images: ['shop/checkout:bad-8'],
  },
  diff: [{ path: 'containers[app].image', from: 'shop/checkout:v7', to: 'shop/checkout:bad-8' }],
  policy: {
    namespace: 'shop',
    name: 'web',
    uid: 'uid-web',
    generation: 3,
    spec: changePolicySpec.parse({}),
  },
});

export function aBatch(
  status?: Partial<ChangePodStatus>,
  spec: Partial<ChangePodSpec> = {},
): ChangePod {
  const batch = spec.batch ?? 1;
  return stored('ChangePod', `checkout-7-${batch}`, {
    spec: {
      change: { name: 'checkout-7', uid: 'uid-checkout-7' },
      target: TARGET,
      batch,
      total: 3,
      targetUnits: 1,
      previous: 0,
      releasedAt: at(1),
      ...spec,
    },
    status:
      status === undefined
        ? undefined
        : ({ phase: 'PostWait', verdict: 'Pending', checks: [], ...status } as const),
  });
}

export function aPolicy(name: string, status?: ChangePolicy['status'], spec = {}): ChangePolicy {
  return stored('ChangePolicy', name, { spec: changePolicySpec.parse(spec), status });
}

/** A bad rollout, rolled back at its first batch, quarantined, applied again. */
export const aRefusedChange = (): ChangeWorkload =>
  aChange({
    phase: 'RolledBack',
    reason: 'CheckFailed',
    message: 'batch 1: image of 1 of 1 new pods cannot be pulled; 9 of 9 old pods are ready',
    verdict: 'Fail',
    batch: { index: 1, total: 3, target: 1 },
    startedAt: at(1),
    phaseSince: at(6),
    finishedAt: at(6),
    rolledBackAt: at(4),
    automaticRollback: true,
    quarantine: { fingerprint: '9c1b000000000000', until: at(604_804) },
    deniedAttempts: {
      count: 12,
      lastUser: 'system:serviceaccount:flux-system:kustomize-controller',
      lastAt: at(115),
    },
  });

export const aFailedBatch = (): ChangePod =>
  aBatch({
    phase: 'PostFailed',
    verdict: 'Fail',
    pods: { updated: 1, ready: 0, unhealthy: 1, stable: 9, stableReady: 9 },
    judgedAt: at(4),
    checks: [
      {
        name: 'podHealth',
        verdict: 'Fail',
        reason: 'ImagePullBackOff',
        message: '1 of 1 new pods, 0 of 9 old ones',
        evidence: [
          {
            pod: 'checkout-7d9f-abcde',
            node: 'node-1',
            container: 'app',
            reason: 'ImagePullBackOff',
            message: 'Back-off pulling image "shop/checkout:bad-8"',
          },
        ],
      },
    ],
  });
