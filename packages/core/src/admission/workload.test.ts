// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOTATIONS, HELD_MIN_READY_SECONDS } from '@altershield/api';
import {
  aDeployment,
  aHeldDeployment,
  aPolicy,
  aRequest,
  aTemplate,
  sign,
} from '../testing/builders.ts';
import { applyPatch } from '../testing/json-patch.ts';
import { fingerprint, refusalFingerprint } from '../revision/fingerprint.ts';
import { ownFieldsOf, readHold } from '../workload/hold.ts';
import type { Deployment } from '../workload/types.ts';
import type { Review } from './review.ts';
import { readStamp } from './stamp.ts';
import { mutateWorkload, validateWorkload, type WorkloadContext } from './workload.ts';

const A = fingerprint(aTemplate('a'));
const B = fingerprint(aTemplate('b'));
const context = (policy: WorkloadContext['policy'] = aPolicy()): WorkloadContext => ({
  policy,
  refusalOf: () => undefined,
  isWayBack: () => false,
  podsOf: () => undefined,
  sign,
});

function outcome(object: Deployment, review: Review): Deployment {
  assert.ok(review.allowed);
  return applyPatch(object, review.patch);
}

const admit = (object: Deployment, old?: Deployment, policy = aPolicy()): Deployment =>
  outcome(object, mutateWorkload(aRequest(object, old), context(policy)));

const warn = (object: Deployment, old: Deployment): string => {
  const review = mutateWorkload(aRequest(object, old), context());
  return review.allowed ? review.warnings.join() : '';
};

const recordOf = (d: Deployment) => {
  const hold = readHold(d, sign);
  assert.ok(hold.state === 'Held', JSON.stringify(hold));
  return hold.record;
};

test('a change is held in its own write: paused, HUGE, one pod should someone unpause it', () => {
  const held = admit(aDeployment({ tag: 'b' }), aDeployment());
  assert.equal(held.spec.paused, true);
  assert.equal(held.spec.minReadySeconds, HELD_MIN_READY_SECONDS);
  assert.equal(held.spec.progressDeadlineSeconds, HELD_MIN_READY_SECONDS + 1);
  assert.deepEqual(held.spec.strategy?.rollingUpdate, { maxSurge: 1, maxUnavailable: 0 });
  const { from, to, own } = recordOf(held);
  assert.deepEqual({ from, to, own }, { from: A, to: B, own: ownFieldsOf(aDeployment()) });
});

test('fields that come with the change are the ones kept', () => {
  const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: '50%', maxUnavailable: 0 } };
  const held = admit(
    aDeployment({ tag: 'b', spec: { strategy, minReadySeconds: 7 } }),
    aDeployment(),
  );
  assert.deepEqual(recordOf(held).own.strategy, strategy);
  assert.equal(recordOf(held).own.minReadySeconds, 7);
});

test('the stamp tells who wrote the template and cannot be forged', () => {
  const forged = { annotations: { [ANNOTATIONS.actor]: '{"user":"root"}' } };
  const held = admit(aDeployment({ tag: 'b', metadata: forged }), aDeployment());
  assert.equal(readStamp(held, B, sign)?.user, 'ann');
  const scaled = {
    ...held,
    metadata: { ...held.metadata, ...forged },
    spec: { ...held.spec, replicas: 3 },
  };
  const kept = admit(scaled, held);
  assert.equal(readStamp(kept, B, sign)?.user, 'ann');
  assert.equal(readStamp(kept, A, sign), undefined);
  for (const other of [{ name: 'other' }, { namespace: 'other' }]) {
    const copy = { ...held, metadata: { ...held.metadata, ...other } };
    assert.equal(readStamp(copy, B, sign), undefined);
  }
});

const numbered = (number: string) => ({
  annotations: { 'deployment.kubernetes.io/revision': number },
});

test('who applies a manifest that was exported is known, whatever number of a revision it carries', () => {
  const sent = aDeployment({ tag: 'b', metadata: numbered('7') });
  for (const old of [undefined, aDeployment({ metadata: numbered('3') })]) {
    assert.equal(readStamp(admit(sent, old), B, sign)?.user, 'ann');
  }
});

test('a number of a revision that is none spoils no mark', () => {
  for (const number of ['1.5', '-1', 'seven', '1e99', 'Infinity']) {
    const metadata = numbered(number);
    const held = admit(aDeployment({ tag: 'b', metadata }), aDeployment({ metadata }));
    assert.equal(recordOf(held).number, 0, number);
    assert.equal(readStamp(held, B, sign)?.user, 'ann', number);
  }
});

test('what is applied on a held change when nothing is held any more has the owner’s fields, edits and all', () => {
  const held = admit(aDeployment({ tag: 'b' }), aDeployment());
  const next = { ...held, spec: { ...held.spec, minReadySeconds: 7, template: aTemplate('c') } };
  const free = admit(next, held, aPolicy({ mode: 'Audit' }));
  assert.deepEqual(ownFieldsOf(free), { ...ownFieldsOf(aDeployment()), minReadySeconds: 7 });
  assert.equal(readHold(free, sign).state, 'None');
});

test('being called again on its own output changes nothing, with or without the uid', () => {
  const held = admit(aDeployment({ tag: 'b' }), aDeployment());
  const { uid: _, ...metadata } = held.metadata;
  for (const sent of [held, { ...held, metadata } as Deployment]) {
    const review = mutateWorkload(aRequest(sent, aDeployment()), context());
    assert.deepEqual(review.allowed && review.patch, []);
  }
});

test('a revert to the revision before gives the owner’s fields back in the same write', () => {
  const held = aHeldDeployment(A, { tag: 'b' });
  const back = admit({ ...held, spec: { ...held.spec, template: aTemplate('a') } }, held);
  assert.deepEqual(ownFieldsOf(back), ownFieldsOf(aDeployment()));
  assert.equal(readHold(back, sign).state, 'None');
});

test('a revision that was verified earlier is let through, whether something is held or not', () => {
  const [c] = [fingerprint(aTemplate('c'))];
  const good = (object: Deployment, old: Deployment): Deployment =>
    outcome(
      object,
      mutateWorkload(aRequest(object, old), {
        ...context(),
        isWayBack: ({ uid, template }) => uid === 'd-1' && fingerprint(template) === c,
      }),
    );
  const free = good(aDeployment({ tag: 'c' }), aDeployment());
  assert.deepEqual(free.spec, aDeployment({ tag: 'c' }).spec);
  assert.equal(readStamp(free, c, sign)?.user, 'ann');
  const held = aHeldDeployment(A, { tag: 'b' });
  const back = good({ ...held, spec: { ...held.spec, template: aTemplate('c') } }, held);
  assert.deepEqual(ownFieldsOf(back), ownFieldsOf(aDeployment()));
  assert.equal(readHold(back, sign).state, 'None');
  assert.equal(readHold(good(aDeployment({ tag: 'd' }), aDeployment()), sign).state, 'Held');
});

test('a third template keeps the way back and the owner’s fields, and resets the bounds', () => {
  const held = aHeldDeployment(A, { tag: 'b' });
  const open = {
    ...held.spec,
    paused: false,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 5 } },
  };
  const old = { ...held, spec: open };
  const third = admit({ ...old, spec: { ...open, template: aTemplate('c') } }, old);
  const { from, to, own } = recordOf(third);
  assert.deepEqual(
    { from, to, own },
    { from: A, to: fingerprint(aTemplate('c')), own: ownFieldsOf(aDeployment()) },
  );
  assert.equal(third.spec.paused, true);
  assert.deepEqual(third.spec.strategy?.rollingUpdate, { maxSurge: 0, maxUnavailable: 1 });
});

const edits: readonly (readonly [
  string,
  Partial<Deployment['spec']>,
  Partial<ReturnType<typeof ownFieldsOf>>,
])[] = [
  ['minReadySeconds', { minReadySeconds: 30 }, { minReadySeconds: 30 }],
  [
    'maxSurge alone',
    { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 4, maxUnavailable: 0 } } },
    { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 4, maxUnavailable: 1 } } },
  ],
  [
    'the strategy, to Recreate',
    { strategy: { type: 'Recreate' } },
    { strategy: { type: 'Recreate' } },
  ],
  ['paused, by resuming', { paused: false }, { paused: false }],
  ['progressDeadlineSeconds', { progressDeadlineSeconds: 60 }, { progressDeadlineSeconds: 60 }],
];

for (const [what, edit, adopted] of edits) {
  test(`an owner who edits ${what} of a held object gets it at the end, not now`, () => {
    const held = aHeldDeployment(A, { tag: 'b' });
    const kept = admit({ ...held, spec: { ...held.spec, ...edit } }, held);
    assert.deepEqual(kept.spec, held.spec);
    assert.deepEqual(recordOf(kept).own, { ...ownFieldsOf(aDeployment()), ...adopted });
  });
}

test('an owner may pause while a batch is on its way', () => {
  const held = aHeldDeployment(A, { tag: 'b' });
  const old = { ...held, spec: { ...held.spec, paused: false } };
  const kept = admit({ ...old, spec: { ...old.spec, paused: true } }, old);
  assert.equal(recordOf(kept).own.paused, true);
  assert.equal(kept.spec.paused, false);
  assert.match(warn({ ...old, spec: { ...old.spec, paused: true } }, old), /lets no more .* out/);
  const resting = { ...kept, spec: { ...kept.spec, paused: true } };
  assert.match(warn({ ...resting, spec: old.spec }, resting), /goes on with the change/);
  assert.match(warn({ ...held, spec: old.spec }, held), /take effect when it ends/);
});

test('our annotations come back when someone removes or edits them', () => {
  const held = admit(aDeployment({ tag: 'b' }), aDeployment());
  const { annotations: _, ...bare } = held.metadata;
  const edited = { ...held.metadata, annotations: { [ANNOTATIONS.hold]: '{}', other: 'x' } };
  for (const metadata of [bare, edited]) {
    const { annotations } = admit({ ...held, metadata }, held).metadata;
    assert.equal(annotations?.[ANNOTATIONS.hold], held.metadata.annotations?.[ANNOTATIONS.hold]);
    assert.equal(annotations?.[ANNOTATIONS.actor], held.metadata.annotations?.[ANNOTATIONS.actor]);
  }
});

test('a new workload is stamped, and a hold that it brings along is stripped', () => {
  const { metadata } = aHeldDeployment(A, { tag: 'b' });
  const created = admit(aDeployment({ tag: 'b', metadata }));
  assert.equal(created.metadata.annotations?.[ANNOTATIONS.hold], undefined);
  assert.equal(readStamp(created, B, sign)?.operation, 'Create');
  assert.deepEqual(created.spec, aDeployment({ tag: 'b' }).spec);
});

test('a copy of a held object gets its owner’s fields, so that its pods count', () => {
  const { metadata, spec } = aHeldDeployment(A, { tag: 'b', spec: { minReadySeconds: 7 } });
  const copy = aDeployment({ tag: 'b', metadata: { ...metadata, uid: 'd-2' }, spec });
  const own = ownFieldsOf(aDeployment({ spec: { minReadySeconds: 7 } }));
  assert.deepEqual(ownFieldsOf(admit(copy)), own);
  const { annotations: _, ...bare } = copy.metadata;
  const defaults = ownFieldsOf({ ...copy, spec: { template: copy.spec.template } });
  assert.deepEqual(ownFieldsOf(admit({ ...copy, metadata: bare })), defaults);
});

test('a manifest exported from a held object does not make our fields its owner’s', () => {
  const exported = aHeldDeployment(A, { tag: 'b' });
  const edited = { ...exported, spec: { ...exported.spec, template: aTemplate('c') } };
  const { annotations: _, ...metadata } = exported.metadata;
  const held = admit({ ...edited, metadata }, aDeployment());
  assert.deepEqual(recordOf(held).own, ownFieldsOf(aDeployment()));
});

test('once the owner wrote the fields, an altered record goes and the next change is held', () => {
  const held = aHeldDeployment(A, { tag: 'b' });
  const altered = {
    ...held,
    metadata: { ...held.metadata, annotations: { [ANNOTATIONS.hold]: '{}' } },
  };
  assert.equal(readHold(admit(altered, altered), sign).state, 'Lost');
  const own = ownFieldsOf(aDeployment());
  const cured = admit({ ...altered, spec: { ...altered.spec, ...own } }, altered);
  assert.equal(readHold(cured, sign).state, 'None');
  assert.deepEqual(ownFieldsOf(cured), own);
  const next = { ...altered, spec: { ...altered.spec, ...own, template: aTemplate('c') } };
  assert.deepEqual(recordOf(admit(next, altered)).own, own);
  const isFree = (review: Review): boolean => {
    const free = outcome(next, review);
    return readHold(free, sign).state === 'None' && free.spec.paused === false;
  };
  const request = aRequest(next, altered);
  const back = mutateWorkload(request, { ...context(), isWayBack: () => true });
  assert.ok(isFree(back), 'a way back is not held');
  assert.ok(isFree(mutateWorkload(request, context(aPolicy({ mode: 'Audit' })))), 'Audit');
});

test('a third template on an object whose record is lost is paused, nothing else is guessed', () => {
  const held = aHeldDeployment(A, { tag: 'b' });
  const { annotations: _, ...metadata } = held.metadata;
  const lost = { ...held, metadata, spec: { ...held.spec, paused: false } };
  const third = admit({ ...lost, spec: { ...lost.spec, template: aTemplate('c') } }, lost);
  assert.deepEqual({ ...third.spec, paused: false }, { ...lost.spec, template: aTemplate('c') });
  assert.equal(third.spec.paused, true);
});

test('Recreate, zero replicas and an owner’s pause are held like any other', () => {
  const strategy = { type: 'Recreate' };
  const recreate = admit(
    aDeployment({ tag: 'b', spec: { strategy } }),
    aDeployment({ spec: { strategy } }),
  );
  assert.equal(recreate.spec.paused, true);
  assert.deepEqual(recreate.spec.strategy, strategy);
  assert.equal(recreate.spec.minReadySeconds, 0);
  const empty = admit(
    aDeployment({ tag: 'b', spec: { replicas: 0 } }),
    aDeployment({ spec: { replicas: 0 } }),
  );
  assert.equal(recordOf(empty).to, B);
  const spec = { paused: true };
  assert.equal(
    recordOf(admit(aDeployment({ tag: 'b', spec }), aDeployment({ spec }))).own.paused,
    true,
  );
});

for (const policy of [aPolicy({ mode: 'Audit' }), aPolicy({ release: { strategy: 'Rolling' } })]) {
  test(`${policy.spec.mode} with ${policy.spec.release.strategy} stamps and touches nothing else`, () => {
    const sent = aDeployment({ tag: 'b' });
    const stamped = admit(sent, aDeployment(), policy);
    assert.deepEqual(stamped.spec, sent.spec);
    assert.equal(readHold(stamped, sign).state, 'None');
    assert.equal(readStamp(stamped, B, sign)?.user, 'ann');
  });
}

test('what no policy governs is untouched', () => {
  const review = mutateWorkload(aRequest(aDeployment({ tag: 'b' }), aDeployment()), {
    ...context(),
    policy: undefined,
  });
  assert.deepEqual(review, { allowed: true, patch: [], warnings: [] });
});

test('a refused revision is denied with the reason, also with a restart mark on it', () => {
  const refused = refusalFingerprint(aTemplate('b'));
  const refusalOf = (fp: string) =>
    fp === refused ? { change: 'web-1', why: 'ImagePullBackOff', until: 'Friday' } : undefined;
  const restarted = aTemplate('b', {
    labels: { app: 'web' },
    annotations: { 'kubectl.kubernetes.io/restartedAt': 'now' },
  });
  for (const template of [aTemplate('b'), restarted]) {
    for (const review of [mutateWorkload, validateWorkload]) {
      const answer = review(aRequest(aDeployment({ template }), aDeployment()), {
        ...context(),
        refusalOf,
      });
      assert.ok(!answer.allowed);
      assert.match(
        answer.message,
        /shop\/web until Friday: .*ImagePullBackOff.*altershield lift deploy\/web/,
      );
    }
  }
  const scaled = aRequest(
    aDeployment({ tag: 'b', spec: { replicas: 3 } }),
    aDeployment({ tag: 'b' }),
  );
  assert.ok(validateWorkload(scaled, { ...context(), refusalOf }).allowed);
  const audit = { ...context(aPolicy({ mode: 'Audit' })), refusalOf };
  assert.ok(!validateWorkload(aRequest(aDeployment({ tag: 'b' }), aDeployment()), audit).allowed);
});

test('pods that surged already stay covered while a newer template is held', () => {
  const held = aHeldDeployment(A, { tag: 'b' });
  const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 2, maxUnavailable: 0 } };
  const surging = { ...held, spec: { ...held.spec, paused: false, strategy } };
  const third = admit({ ...surging, spec: { ...surging.spec, template: aTemplate('c') } }, surging);
  assert.deepEqual(third.spec.strategy?.rollingUpdate, { maxSurge: 2, maxUnavailable: 0 });
  const native = aDeployment({
    status: { observedGeneration: 1, replicas: 12, updatedReplicas: 3 },
  });
  const first = admit(aDeployment({ tag: 'b' }), native);
  assert.deepEqual(first.spec.strategy?.rollingUpdate, { maxSurge: 2, maxUnavailable: 0 });
});
