// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOTATIONS } from '@altershield/api';
import {
  aCap,
  aDeployment,
  aHeldDeployment,
  aPolicy,
  aRequest,
  aTemplate,
  aContext,
  aReplicaSet,
  signer,
  annotated,
} from '@altershield/testing/builders';
import { applyPatch } from '@altershield/testing/json-patch';
import { fingerprint, quarantineKey } from '../revision/fingerprint.ts';
import type { Deployment } from '../workload/deployment/objects.ts';
import type { Review } from './review.ts';
import { readActorAnnotation } from '../hold/actor-annotation.ts';
import { mutateWorkload, validateWorkload, type WorkloadContext } from './workload.ts';

const REVISION_A = fingerprint(aTemplate('a'));
const REVISION_B = fingerprint(aTemplate('b'));
const replicaSets = ['a', 'b', 'c'].map((tag) => aReplicaSet(tag, 1));
const context = (policy: WorkloadContext['policy'] = aPolicy()): WorkloadContext =>
  aContext({
    policy,
    snapshotOf: (object) => ({
      object,
      related: { replicaSets: object.metadata.uid === 'd-1' ? replicaSets : [] },
    }),
  });

function outcome(object: Deployment, review: Review): Deployment {
  assert.ok(review.allowed);
  return applyPatch(object, review.patch);
}

const admit = (object: Deployment, old?: Deployment, policy = aPolicy()): Deployment =>
  outcome(object, mutateWorkload(aRequest(object, old), context(policy)));

const capOf = ({ metadata }: Deployment): string | undefined =>
  metadata.annotations?.[ANNOTATIONS.release];

/** Governed, at rest at version a. */
const atRest = (parts: Parameters<typeof aDeployment>[0] = {}) =>
  aHeldDeployment('a', parts, aCap('a', ''));

test('a change is held in its own write: only the annotation is added, the spec is unchanged', () => {
  const sent = atRest({ tag: 'b' });
  const held = admit(sent, atRest());
  assert.equal(capOf(held), aCap('a'));
  assert.deepEqual(held.spec, sent.spec);
});

test('the warning for a held change names its record and the command to follow it', () => {
  const review = mutateWorkload(aRequest(atRest({ tag: 'b' }), atRest()), context());
  assert.ok(review.allowed);
  assert.match(
    review.warnings.join(),
    /deployment-web-7.*altershield status deploy\/web -n shop --wait/,
  );
});

test('a Deployment without the annotation is held at the revision of its ReplicaSets', () => {
  assert.equal(capOf(admit(aDeployment({ tag: 'b' }), aDeployment())), aCap('a'));
  const unknown = aDeployment({ tag: 'x' });
  assert.equal(
    capOf(admit(aDeployment({ tag: 'b' }), unknown)),
    undefined,
    'nobody knows the hash',
  );
});

test('a third template is held at the current batch of the change in flight', () => {
  const old = aHeldDeployment('a', { tag: 'b' }, aCap('a', 'b', 3));
  assert.equal(
    capOf(admit(aHeldDeployment('a', { tag: 'c' }, aCap('a', 'b', 3)), old)),
    capOf(old),
  );
});

test('a malformed annotation is replaced in the write that is held', () => {
  const broken = aHeldDeployment('a', {}, 'garbage');
  assert.equal(capOf(admit(aHeldDeployment('a', { tag: 'b' }, 'garbage'), broken)), aCap('a'));
});

test('Recreate is held by its stable ReplicaSet alone', () => {
  const spec = { strategy: { type: 'Recreate' } };
  assert.equal(capOf(admit(atRest({ tag: 'b', spec }), atRest({ spec }))), aCap('a', ''));
});

test('the actor annotation names the user who wrote the template and cannot be forged', () => {
  const forged = { annotations: { [ANNOTATIONS.actor]: '{"user":"root"}' } };
  const held = admit(atRest({ tag: 'b', metadata: forged }), atRest());
  assert.equal(readActorAnnotation(annotated(held), REVISION_B, signer)?.user, 'ann');
  const scaled = {
    ...held,
    metadata: { ...held.metadata, ...forged },
    spec: { ...held.spec, replicas: 3 },
  };
  const kept = admit(scaled, held);
  assert.equal(readActorAnnotation(annotated(kept), REVISION_B, signer)?.user, 'ann');
  assert.equal(readActorAnnotation(annotated(kept), REVISION_A, signer), undefined);
  for (const other of [{ name: 'other' }, { namespace: 'other' }]) {
    const copy = { ...held, metadata: { ...held.metadata, ...other } };
    assert.equal(readActorAnnotation(annotated(copy), REVISION_B, signer), undefined);
  }
});

const numbered = (number: string) => ({
  annotations: { 'deployment.kubernetes.io/revision': number },
});

test('the user who applies an exported manifest is recorded, whatever revision number it carries', () => {
  const sent = aDeployment({ tag: 'b', metadata: numbered('7') });
  for (const old of [undefined, aDeployment({ metadata: numbered('3') })]) {
    assert.equal(readActorAnnotation(annotated(admit(sent, old)), REVISION_B, signer)?.user, 'ann');
  }
});

test('an invalid revision number does not break the actor annotation', () => {
  for (const number of ['1.5', '-1', 'seven', '1e99', 'Infinity']) {
    const metadata = numbered(number);
    const held = admit(aDeployment({ tag: 'b', metadata }), aDeployment({ metadata }));
    assert.equal(readActorAnnotation(annotated(held), REVISION_B, signer)?.user, 'ann', number);
  }
});

test('admission is idempotent', () => {
  const held = admit(atRest({ tag: 'b' }), atRest());
  const review = mutateWorkload(aRequest(held, atRest()), context());
  assert.deepEqual(review.allowed && review.patch, []);
});

test('a revision that was verified earlier is released at once, whether a change is held or not', () => {
  const good = (object: Deployment, old: Deployment): Deployment =>
    outcome(
      object,
      mutateWorkload(aRequest(object, old), {
        ...context(),
        isRevert: ({ uid, template }) => uid === 'd-1' && fingerprint(template) !== REVISION_B,
      }),
    );
  for (const old of [atRest(), aHeldDeployment('a', { tag: 'b' }, aCap('a', 'b', 3))]) {
    const back = good(aHeldDeployment('a', { tag: 'c' }), old);
    assert.equal(capOf(back), aCap('c', ''));
    assert.equal(
      readActorAnnotation(annotated(back), fingerprint(aTemplate('c')), signer)?.user,
      'ann',
    );
  }
  const gone = good(atRest({ tag: 'x' }), atRest());
  assert.equal(capOf(gone), undefined, 'its ReplicaSet is gone: nothing must cap the new one');
  assert.equal(capOf(good(atRest({ tag: 'b' }), atRest())), aCap('a'));
});

test('an annotation of the operator is restored when a user removes or edits it', () => {
  const held = admit(atRest({ tag: 'b' }), atRest());
  const { annotations: _, ...bare } = held.metadata;
  const edited = { ...held.metadata, annotations: { [ANNOTATIONS.release]: 'x', other: 'x' } };
  for (const metadata of [bare, edited]) {
    const { annotations } = admit({ ...held, metadata }, held).metadata;
    assert.equal(annotations?.[ANNOTATIONS.release], capOf(held));
    assert.equal(annotations?.[ANNOTATIONS.actor], held.metadata.annotations?.[ANNOTATIONS.actor]);
  }
});

test('users can edit the rollout settings at any time during a change', () => {
  const held = aHeldDeployment('a', { tag: 'b' }, aCap('a', 'b', 3));
  for (const spec of [
    { paused: true },
    { minReadySeconds: 30 },
    { strategy: { type: 'Recreate' } },
  ]) {
    const edited = { ...held, spec: { ...held.spec, ...spec } };
    assert.deepEqual(admit(edited, held), edited);
  }
});

test('a new workload gets an actor annotation; one in its manifest is removed', () => {
  const created = admit(aHeldDeployment('a', { tag: 'b' }));
  assert.equal(capOf(created), undefined);
  assert.equal(readActorAnnotation(annotated(created), REVISION_B, signer)?.operation, 'Create');
});

test('near the size limit of annotations, AlterShield’s annotation does not cause a denial', () => {
  const big = (bytes: number) => ({ annotations: { big: 'ü'.repeat(bytes / 2) } });
  const added = (bytes: number) => {
    const metadata = big(bytes);
    const { annotations = {} } = admit(
      aDeployment({ tag: 'b', metadata }),
      aDeployment({ metadata }),
    ).metadata;
    return [ANNOTATIONS.release, ANNOTATIONS.actor].map((name) => name in annotations);
  };
  assert.deepEqual(added(200_000), [true, true]);
  assert.deepEqual(added(261_920), [true, false]);
  assert.deepEqual(added(262_000), [false, false]);
});

for (const policy of [aPolicy({ mode: 'Audit' }), aPolicy({ release: { strategy: 'Rolling' } })]) {
  test(`${policy.spec.mode} with ${policy.spec.release.strategy} adds the actor annotation and changes nothing else`, () => {
    const sent = aDeployment({ tag: 'b' });
    const result = admit(sent, aDeployment(), policy);
    assert.deepEqual(result.spec, sent.spec);
    assert.equal(capOf(result), undefined);
    assert.equal(readActorAnnotation(annotated(result), REVISION_B, signer)?.user, 'ann');
  });
}

test('a workload without a matching policy is not modified', () => {
  const review = mutateWorkload(aRequest(aDeployment({ tag: 'b' }), aDeployment()), {
    ...context(),
    policy: undefined,
  });
  assert.deepEqual(review, { allowed: true, patch: [], warnings: [] });
});

test('a quarantined revision is denied with the reason, also with a restart annotation', () => {
  const quarantined = quarantineKey(aTemplate('b'));
  const quarantineOf = (fp: string) =>
    fp === quarantined ? { change: 'web-1', why: 'ImagePullBackOff', until: 'Friday' } : undefined;
  const restarted = aTemplate('b', {
    labels: { app: 'web' },
    annotations: { 'kubectl.kubernetes.io/restartedAt': 'now' },
  });
  for (const template of [aTemplate('b'), restarted]) {
    for (const review of [mutateWorkload, validateWorkload]) {
      const answer = review(aRequest(aDeployment({ template }), aDeployment()), {
        ...context(),
        quarantineOf,
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
  assert.ok(validateWorkload(scaled, { ...context(), quarantineOf }).allowed);
  const audit = { ...context(aPolicy({ mode: 'Audit' })), quarantineOf };
  assert.ok(!validateWorkload(aRequest(aDeployment({ tag: 'b' }), aDeployment()), audit).allowed);
});

test('the creation of a workload is not denied for a quarantined revision', () => {
  const quarantineOf = () => ({ change: 'web-1', why: 'ImagePullBackOff', until: 'Friday' });
  for (const review of [mutateWorkload, validateWorkload]) {
    assert.ok(review(aRequest(aDeployment(), undefined), { ...context(), quarantineOf }).allowed);
  }
});
