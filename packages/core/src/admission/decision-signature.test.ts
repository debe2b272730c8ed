// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChangeWorkload } from '@altershield/api';
import { aChange, aRequest, otherSign, signer } from '../testing/builders.ts';
import { applyPatch } from '../testing/json-patch.ts';
import { withVerifiedDecision } from './decision-signature.ts';
import { signDecision } from './record-validation.ts';
import type { Request } from './review.ts';

const now = '2026-01-01T12:00:00.000Z';
const decided = (decision: object): ChangeWorkload =>
  aChange({ spec: { decision: { action: 'Resume', ...decision } } });

function admitted(object: ChangeWorkload): ChangeWorkload {
  const { user } = aRequest({} as never, undefined);
  const request: Request<ChangeWorkload> = {
    ...{ id: 'r', operation: 'UPDATE', namespace: 'shop', user, object, oldObject: aChange() },
  };
  const review = signDecision(request, { now, sign: signer });
  assert.ok(review.allowed);
  return applyPatch(object, review.patch);
}

test('a decision is recorded under the user of the request, whatever the object claims', () => {
  const { decision } = admitted(
    decided({ by: 'boss', at: '2020-01-01T00:00:00Z', signature: 'x' }),
  ).spec;
  assert.deepEqual([decision?.by, decision?.at], ['ann', now]);
  const again = aChange({ spec: { decision: { action: 'Resume', by: 'ann', at: now } } });
  const request = {
    id: 'r',
    operation: 'UPDATE',
    namespace: 'shop',
    user: { name: 'bob' },
  } as const;
  const same = signDecision({ ...request, object: again, oldObject: again }, { now, sign: signer });
  assert.deepEqual(same.allowed && same.patch, []);
});

test('a name that admission did not stamp is no name', () => {
  const signed = admitted(decided({ reason: 'known flake' }));
  assert.equal(withVerifiedDecision(signed, signer).spec.decision?.by, 'ann');
  const edits: readonly object[] = [
    { by: 'boss' },
    { action: 'RollBack' },
    { reason: 'x' },
    { signature: 'x' },
  ];
  for (const edit of edits) {
    const forged = decided({ ...signed.spec.decision, ...edit });
    assert.equal(withVerifiedDecision(forged, signer).spec.decision?.by, undefined);
  }
  assert.equal(withVerifiedDecision(signed, otherSign).spec.decision?.by, undefined);
  const elsewhere = { ...signed, metadata: { ...signed.metadata, name: 'web-2' } };
  assert.equal(withVerifiedDecision(elsewhere, signer).spec.decision?.by, undefined);
});
