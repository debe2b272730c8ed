// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aPod } from '@altershield/testing/builders';
import { viewPod } from './observe-pod.ts';

type Status = NonNullable<Parameters<typeof aPod>[1]>;

const fail = (reason: string | undefined, more: Status = {}) => {
  const status = { phase: 'Failed', containerStatuses: [], ...more };
  const { failure, nodeRejection } = viewPod(
    aPod('p', reason === undefined ? status : { ...status, reason }),
    0,
  );
  return [failure?.reason, nodeRejection?.reason];
};

const ran = { state: { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown' } } };

for (const reason of [
  ...['OutOfcpu', 'OutOfmemory', 'OutOfpods', 'OutOfephemeral-storage', 'OutOfexample.com/gpu'],
  ...['UnexpectedAdmissionError', 'NodeAffinity', 'NodeName', 'NodePorts', 'TopologyAffinityError'],
  ...['InsufficientResource', 'VolumeAttachmentLimitExceeded'],
]) {
  test(`a pod that its node rejected for ${reason} is not evidence, even if it ran before`, () => {
    assert.deepEqual(fail(reason), [undefined, reason]);
    const containerStatuses = [{ name: 'app', ...ran }];
    assert.deepEqual(fail(reason, { containerStatuses }), [undefined, reason]);
  });
}

test('a pod that failed before any container ran is not evidence, whatever reason the kubelet gives', () => {
  const waits = { name: 'app', state: { waiting: { reason: 'ContainerCreating' } } };
  assert.deepEqual(fail('NewInVersion2'), [undefined, 'NewInVersion2']);
  assert.deepEqual(fail(undefined, { containerStatuses: [waits] }), [undefined, 'Failed']);
  for (const container of [
    { name: 'app', ...ran },
    { name: 'app', state: {}, restartCount: 1 },
    { name: 'app', lastState: ran.state },
    { name: 'app', state: { running: {} } },
  ]) {
    const found = fail('NewInVersion2', { containerStatuses: [waits, container] });
    assert.deepEqual(found, ['NewInVersion2', undefined]);
  }
});

for (const reason of ['SysctlForbidden', 'AppArmor', 'PodOSNotSupported']) {
  test(`a pod that is rejected for ${reason}, because of its template, is evidence`, () => {
    assert.deepEqual(fail(reason), [reason, undefined]);
  });
}

test('an eviction is evidence unless the node evicted the pod before it ran', () => {
  const low = 'The node was low on resource: memory. Threshold quantity: 100Mi';
  assert.deepEqual(fail('Evicted', { message: low }), ['Evicted', undefined]);
  const pressure = 'Pod was rejected: The node had condition: [DiskPressure]. ';
  assert.deepEqual(fail('Evicted', { message: pressure }), [undefined, 'Evicted']);
});
