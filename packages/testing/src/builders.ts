// SPDX-License-Identifier: Apache-2.0
import {
  changePolicySpec,
  type ChangeApproval,
  type ChangeWorkload,
  type ChangeWorkloadSpec,
} from '@altershield/api';
import type { Request } from '../../core/src/admission/review.ts';
import type { WorkloadContext } from '../../core/src/admission/workload.ts';
import type { Observation } from '../../core/src/change/observation.ts';
import type { PodView } from '../../core/src/check/pod-view.ts';
import type { WorkloadView } from '../../core/src/workload/view.ts';
import { viewPod } from '../../core/src/check/observe-pod.ts';
import type { ValidPolicy } from '../../core/src/policy/match.ts';
import { fingerprint, quarantineKey } from '../../core/src/revision/fingerprint.ts';
import { formatReleaseCap } from '../../core/src/workload/deployment/cap/annotation.ts';
import { signWith } from '../../core/src/hold/signature.ts';
import type { Signing } from '../../core/src/workload/adapter.ts';
import { deployment } from '../../core/src/workload/deployment/adapter.ts';
import { DEPLOYMENT } from '../../core/src/workload/deployment/descriptor.ts';
import { annotatedWorkload } from '../../core/src/workload/writes.ts';
import { viewDeployment } from '../../core/src/workload/deployment/observe.ts';
import { ANNOTATIONS } from '@altershield/api';
import { keepContent } from '../../core/src/revision/content.ts';
import { imagesOf } from '../../core/src/revision/images.ts';
import type { Deployment, ReplicaSet } from '../../core/src/workload/deployment/objects.ts';
import type { Pod } from '../../core/src/check/pod.ts';
import { asJsonObject } from '../../core/src/json/json.ts';
import type { Template } from '../../core/src/json/objects.ts';

export const NOW = Date.parse('2026-01-01T12:00:00Z');
export const signer = signWith(new Uint8Array(32).fill(7));
export const otherSign = signWith(new Uint8Array(32).fill(8));

const known = new WeakMap<Template, string>();

/** Remembers per object, as the operator does. */
const fingerprintOf = (template: Template): string => {
  const found = known.get(template) ?? fingerprint(template);
  known.set(template, found);
  return found;
};

export const signing: Signing = { sign: signer, fingerprintOf };

/** A pod template whose image tag says what it is. */
export const aTemplate = (tag: string, more: Readonly<Record<string, unknown>> = {}): Template => ({
  metadata: { labels: { app: 'web' }, ...more },
  spec: { containers: [{ name: 'app', image: `web:${tag}` }] },
});

interface DeploymentParts {
  readonly tag?: string;
  readonly template?: Template;
  readonly metadata?: Partial<Deployment['metadata']>;
  readonly spec?: Partial<Deployment['spec']>;
  readonly status?: NonNullable<Deployment['status']>;
}

/** Ten replicas of `web:a`, at rest, as the API server defaults them. */
export const aDeployment = (parts: DeploymentParts = {}): Deployment => ({
  metadata: { name: 'web', namespace: 'shop', uid: 'd-1', generation: 1, ...parts.metadata },
  spec: {
    replicas: 10,
    minReadySeconds: 0,
    progressDeadlineSeconds: 600,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 2, maxUnavailable: 1 } },
    template: parts.template ?? aTemplate(parts.tag ?? 'a'),
    ...parts.spec,
  },
  status: parts.status ?? { observedGeneration: 1 },
});

/** The label `pod-template-hash` of the revision with this image tag. */
export const hashOf = (tag: string): string => `hash${tag}`;

/** The text of `altershield.io/release`: `target` of the revisions `from` and `to`, of ten pods. */
export const aCap = (from: string, to = '-', released = 0, replicas = 10): string =>
  formatReleaseCap({
    ...{ verified: hashOf(from), released, replicas },
    target: to === '-' || to === '' ? to : hashOf(to),
  });

/** The same object held for its template, as it came `from` the one with this image tag. */
export function aHeldDeployment(
  from: string,
  parts: DeploymentParts = {},
  cap = aCap(from),
): Deployment {
  const annotations = { ...parts.metadata?.annotations, [ANNOTATIONS.release]: cap };
  return aDeployment({ ...parts, metadata: { ...parts.metadata, annotations } });
}

export function aReplicaSet(
  tag: string,
  replicas: number,
  {
    ready = replicas,
    template = aTemplate(tag),
    cap,
  }: { ready?: number; template?: Template; cap?: string } = {},
): ReplicaSet {
  const labels = { app: 'web', 'pod-template-hash': hashOf(tag) };
  const added = cap === undefined ? {} : { annotations: { [ANNOTATIONS.release]: cap } };
  const metadata = { name: `web-${tag}`, namespace: 'shop', uid: `rs-${tag}`, labels, ...added };
  return {
    metadata,
    spec: {
      replicas,
      template: { ...template, metadata: { ...asJsonObject(template['metadata']), labels } },
    },
    status: { replicas, readyReplicas: ready },
  };
}

const isoOf = (ms: number): string => new Date(ms).toISOString();

/** A ready pod, a minute old. */
export const aPod = (name: string, status: Partial<NonNullable<Pod['status']>> = {}): Pod => ({
  metadata: { name, uid: name, namespace: 'shop', creationTimestamp: isoOf(NOW - 60_000) },
  spec: { nodeName: 'node-1' },
  status: {
    phase: 'Running',
    conditions: [
      { type: 'PodScheduled', status: 'True' },
      { type: 'Ready', status: 'True', lastTransitionTime: isoOf(NOW - 50_000) },
    ],
    containerStatuses: [{ name: 'app', ready: true, restartCount: 0 }],
    ...status,
  },
});

export const aPodView = (name: string, parts: Partial<PodView> = {}): PodView => ({
  ...viewPod(aPod(name), 0),
  ...(parts.ready === false ? { readySince: 0 } : {}),
  ...parts,
});

/** `n` pods called `prefix-0`, `prefix-1`, … */
export const pods = (prefix: string, n: number, parts: Partial<PodView> = {}): PodView[] =>
  Array.from({ length: n }, (_, i) => aPodView(`${prefix}-${i}`, parts));

type PolicyInput = Parameters<typeof changePolicySpec.parse>[0];

export const aPolicy = (spec: PolicyInput = {}, parts: Partial<ValidPolicy> = {}): ValidPolicy => ({
  namespace: 'shop',
  name: 'default',
  uid: 'p-1',
  generation: 1,
  spec: changePolicySpec.parse(spec),
  ...parts,
});

interface ChangeParts {
  readonly policy?: ValidPolicy;
  readonly status?: NonNullable<ChangeWorkload['status']>;
  readonly spec?: Partial<ChangeWorkloadSpec>;
  readonly verified?: boolean;
}

/** The change of `web` from `web:a` to `web:b`. */
export function aChange(parts: ChangeParts = {}): ChangeWorkload {
  const [a, b] = [aTemplate('a'), aTemplate('b')];
  const revision = (t: Template) => ({
    fingerprint: fingerprint(t),
    quarantineKey: quarantineKey(t),
    images: imagesOf(t),
  });
  return {
    apiVersion: 'altershield.io/v1alpha1',
    kind: 'ChangeWorkload',
    metadata: {
      name: 'web-1',
      namespace: 'shop',
      uid: 'c-1',
      resourceVersion: '1',
      creationTimestamp: isoOf(NOW),
    },
    spec: {
      target: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'd-1' },
      sequence: 1,
      operation: 'Update',
      detectedBy: 'Admission',
      detectedAt: isoOf(NOW),
      actor: { user: 'ann', stamped: true },
      cause: { tool: 'kubectl', action: 'Update' },
      from: {
        ...revision(a),
        verified: parts.verified ?? true,
        ...keepContent('/spec/template', a),
      },
      to: revision(b),
      diff: [],
      policy: parts.policy ?? aPolicy(),
      ...parts.spec,
    },
    ...(parts.status === undefined ? {} : { status: parts.status }),
  };
}

/** A decision of a user on the change of `web`. */
export const anApproval = (spec: Partial<ChangeApproval['spec']> = {}): ChangeApproval => ({
  apiVersion: 'altershield.io/v1alpha1',
  kind: 'ChangeApproval',
  metadata: {
    name: 'web-1-x',
    namespace: 'shop',
    uid: 'cha-1',
    resourceVersion: '1',
    creationTimestamp: isoOf(NOW),
  },
  spec: { change: { name: 'web-1' }, decision: 'Approve', ...spec },
});

/** The ReplicaSets of a workload whose change from `a` to `b` is held. */
export const heldSets = (): ReplicaSet[] => [
  aReplicaSet('a', 10, { cap: aCap('a', '') }),
  aReplicaSet('b', 0, { cap: aCap('a') }),
];

/** `web:b` held in place of `web:a`, nothing of it out yet. */
export function anObservation(parts: Partial<Observation> = {}): Observation {
  const held = aHeldDeployment('a', { tag: 'b' });
  return {
    now: NOW,
    change: aChange(),
    batch: undefined,
    workload: viewDeployment(held, heldSets(), signing),
    updated: [],
    stable: pods('a', 10),
    recentRollbacks: 0,
    isQuarantined: false,
    ...parts,
  };
}

/** The held workload of `anObservation`, otherwise. */
export function aWorkload(
  parts: Partial<WorkloadView> = {},
  deployment: DeploymentParts = {},
): WorkloadView {
  const held = aHeldDeployment('a', { tag: 'b', ...deployment });
  return { ...viewDeployment(held, heldSets(), signing), ...parts };
}

/** What admission knows of a Deployment: the hashes of the revisions with these image tags. */
export const aContext = (parts: Partial<WorkloadContext> = {}): WorkloadContext => ({
  adapter: deployment,
  policy: aPolicy(),
  quarantineOf: () => undefined,
  isRevert: () => false,
  snapshotOf: (object) => ({ object, related: { replicaSets: [] } }),
  nextChange: 'deployment-web-7',
  signing,
  ...parts,
});

/** The Deployment as what its actor annotation is on. */
export const annotated = ({ metadata }: Deployment) => annotatedWorkload(DEPLOYMENT, metadata);

export const aRequest = (
  object: Deployment,
  oldObject: Deployment | undefined,
  parts: Partial<Request<Deployment>> = {},
): Request<Deployment> => ({
  id: 'r-1',
  operation: oldObject === undefined ? 'CREATE' : 'UPDATE',
  namespace: 'shop',
  user: { name: 'ann', groups: ['dev'] },
  fieldManager: 'kubectl-client-side-apply',
  object,
  ...(oldObject === undefined ? {} : { oldObject }),
  ...parts,
});
