// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { Capped, clamp, held, sizeOf } from './capped.ts';
import { getWeb, withImage } from './helpers.ts';
import {
  behavior,
  pause,
  until,
  type Behavior,
  type ContractTarget,
  type ReviewRequest,
  type ReviewResponse,
} from './target.ts';

const SMALL = { replicas: 4, surge: 1, unavailable: 1 };
const DENIED = { code: 403, reason: 'Forbidden', message: 'not released yet' };

const isLowering = ({ object, oldObject }: ReviewRequest): boolean =>
  (sizeOf(object) ?? 0) < (sizeOf(oldObject) ?? 0);

/** Denies a lowering that the clamp would only make smaller. */
function denyLowering(request: ReviewRequest): ReviewResponse {
  const response = clamp(request);
  const isDenied = response.patch !== undefined && isLowering(request);
  return isDenied ? { denied: DENIED } : response;
}

interface Denying {
  readonly capped: Capped;
  allow(): void;
}

/** A change of the image whose ReplicaSet may not be created. */
async function denied(target: ContractTarget): Promise<Denying> {
  let isDenying = false;
  const capped = await Capped.start(target, {
    ...SMALL,
    answer: ({ operation }) => (operation === 'CREATE' && isDenying ? { denied: DENIED } : {}),
  });
  isDenying = true;
  await capped.release.write(withImage('web:v2'));
  await capped.progressing('ReplicaSetCreateError');
  const allow = (): void => {
    isDenying = false;
  };
  return { capped, allow };
}

/** What the Deployment controller does when admission denies what it writes. */
export const denials: readonly Behavior[] = [
  behavior(
    'a denied scale-down of a stable ReplicaSet is not retried, and the status is updated',
    async (target) => {
      const user = { replicas: 4, surge: 0, unavailable: 2 };
      const capped = await held(target, { ...user, answer: denyLowering });
      assert.ok(capped.requests.some(isLowering));
      const { metadata, status } = await getWeb(target, capped.release.namespace);
      assert.equal(status.observedGeneration, metadata.generation);
      assert.deepEqual([capped.release.pods('web:v1'), capped.release.pods('web:v2')], [4, 0]);
      assert.deepEqual(await capped.progress(), { status: 'True', reason: 'NewReplicaSetCreated' });
      await capped.stop();
    },
  ),

  behavior(
    'a denied scale-down under Recreate is retried, and the status waits',
    async (target) => {
      const capped = await Capped.start(target, { ...SMALL, answer: denyLowering });
      await capped.release.write({ strategy: { type: 'Recreate', rollingUpdate: null } });
      await capped.govern();
      const before = capped.requests.length;
      await capped.release.write(withImage('web:v2'));
      await until(target, 'three tries', () =>
        Promise.resolve(capped.requests.length >= before + 3),
      );
      const { metadata, status } = await getWeb(target, capped.release.namespace);
      assert.ok((status.observedGeneration ?? 0) < (metadata.generation ?? 0));
      assert.equal(capped.release.pods('web:v1'), 4);
      await capped.stop();
    },
  ),

  behavior('a denied creation is reported as the reason for no progress', async (target) => {
    const { capped, allow } = await denied(target);
    const { metadata, status } = await getWeb(target, capped.release.namespace);
    const progress = status.conditions?.find(({ type }) => type === 'Progressing');
    assert.equal(progress?.status, 'False');
    assert.match(
      progress.message ?? '',
      /^Failed to create new replica set "web-.*not released yet$/,
    );
    assert.equal(status.observedGeneration, (metadata.generation ?? 0) - 1);
    allow();
    await capped.rests(0, 'web:v2', 4);
    await capped.stop();
  }),

  behavior(
    'the controller stops retrying a creation denied for minutes until the Deployment changes',
    async (target) => {
      const { capped, allow } = await denied(target);
      await pause(target, 190_000);
      allow();
      await pause(target, 10_000);
      assert.equal(await capped.find('web:v2'), undefined);
      await capped.write({ touched: 'yes' });
      await capped.rests(0, 'web:v2', 4);
      await capped.stop();
    },
  ),
];
