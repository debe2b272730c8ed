// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodObject, ReplicaSetObject, WorkloadKubeObject } from '../objects.ts';
import { trimWorkload, trimPod, trimReplicaSet } from './trim.ts';

const KEPT = { name: 'a', namespace: 'shop', uid: 'u', resourceVersion: '7' };
const created = { creationTimestamp: '2026-01-01T00:00:00Z' };
const managedFields = [{ manager: 'helm', time: '2', fieldsV1: { 'f:spec': {} } }];
const marks = { labels: { app: 'web' }, annotations: { note: 'long' }, managedFields };
const owner = { kind: 'ReplicaSet', name: 'rs', uid: 'rs', controller: true };

test('of a Deployment all is kept but which fields each manager wrote', () => {
  const rest = { apiVersion: 'apps/v1', kind: 'Deployment', spec: { replicas: 3, future: {} } };
  const full = { ...rest, metadata: { ...KEPT, ...created, ...marks } };
  const managers = [{ manager: 'helm', time: '2' }];
  assert.deepEqual(trimWorkload(full as unknown as WorkloadKubeObject), {
    ...rest,
    metadata: { ...KEPT, ...created, ...marks, managedFields: managers },
  });
});

test('of a ReplicaSet its template, its size and its owner are kept', () => {
  const kind = { apiVersion: 'apps/v1', kind: 'ReplicaSet' };
  const metadata = { ...KEPT, ...created, ownerReferences: [owner] };
  const spec = { replicas: 3, minReadySeconds: 1, template: { spec: {} } };
  const status = { replicas: 3, readyReplicas: 2, availableReplicas: 1 };
  const full = {
    ...{ ...kind, metadata: { ...metadata, ...marks } },
    spec: { ...spec, selector: {} },
    status: { ...status, observedGeneration: 1 },
  };
  const slim = trimReplicaSet(full as unknown as ReplicaSetObject);
  const editors = { managedFields: [{ manager: 'helm', time: '2', subresource: '' }] };
  assert.deepEqual(slim, { ...kind, metadata: { ...metadata, ...editors }, spec, status });
});

test('of the conditions of a ReplicaSet only the failure to create pods is kept', () => {
  const failure = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'm' };
  const conditions = [{ type: 'Other', status: 'True' }, failure];
  const full = { metadata: { ...KEPT }, spec: {}, status: { replicas: 3, conditions } };
  const slim = trimReplicaSet(full as unknown as ReplicaSetObject);
  assert.deepEqual(slim.status?.conditions, [failure]);
});

test('of the containers of a pod only restart rules are kept', () => {
  const restartPolicyRules = [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }];
  const plain = { name: 'app', image: 'web', env: [] };
  const ruled = { name: 'side', image: 'side', restartPolicy: 'Never', restartPolicyRules };
  const full = {
    metadata: { ...KEPT },
    spec: { nodeName: 'n', containers: [plain, ruled], initContainers: [{ ...ruled, name: 'in' }] },
  };
  assert.deepEqual(trimPod(full as unknown as PodObject).spec, {
    nodeName: 'n',
    containers: [{ name: 'side', restartPolicyRules }],
    initContainers: [{ name: 'in', restartPolicyRules }],
  });
});

test('of a pod its images, resources and ephemeral containers are kept as text, with who wrote them', () => {
  const editors = [
    { manager: 'kube-controller-manager', time: '1' },
    { manager: 'kubelet', time: '2', subresource: 'status' },
    { manager: 'vpa-updater', time: '3', subresource: 'resize', fieldsV1: {} },
  ];
  const containers = [{ name: 'app', image: 'web', resources: { limits: { cpu: '1' } } }];
  const full = {
    metadata: { ...KEPT, managedFields: editors },
    spec: { containers, ephemeralContainers: [{ name: 'debug', image: 'busybox', command: [] }] },
  };
  const { editable, metadata } = trimPod(full as unknown as PodObject);
  assert.deepEqual(JSON.parse(editable ?? ''), {
    spec: { containers, ephemeralContainers: [{ name: 'debug', image: 'busybox' }] },
  });
  assert.deepEqual(metadata.managedFields, [
    { manager: 'vpa-updater', time: '3', subresource: 'resize' },
  ]);
});

test('of a pod its owner, its node and how it fares are kept', () => {
  const kind = { apiVersion: 'v1', kind: 'Pod' };
  const metadata = { ...KEPT, ...created, deletionTimestamp: '2026-01-01T00:00:01Z' };
  const ready = { type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:01Z' };
  const container = {
    ...{ name: 'app', ready: false, restartCount: 2 },
    state: { waiting: { reason: 'CrashLoopBackOff' } },
    lastState: { terminated: { exitCode: 1 } },
  };
  const status = { phase: 'Running', reason: 'R', message: 'm' };
  const editors = [{ manager: 'helm', time: '2', subresource: '' }];
  const full = {
    ...kind,
    metadata: { ...metadata, ...marks, ownerReferences: [owner, { kind: 'Other', uid: 'o' }] },
    spec: { nodeName: 'n', containers: [{ name: 'app', image: 'web', env: [] }] },
    status: {
      ...{ ...status, podIP: '10.0.0.1', conditions: [ready, { ...ready, type: 'Initialized' }] },
      containerStatuses: [{ ...container, image: 'web', imageID: 'sha256:…' }],
      initContainerStatuses: [{ ...container, image: 'web' }],
    },
  };
  assert.deepEqual(trimPod(full as unknown as PodObject), {
    ...kind,
    metadata: { ...metadata, ownerReferences: [owner], managedFields: editors },
    editable: '{"spec":{"containers":[{"image":"web","name":"app"}]}}',
    spec: { nodeName: 'n' },
    status: {
      ...{ ...status, conditions: [ready] },
      containerStatuses: [container],
      initContainerStatuses: [container],
    },
  });
});
