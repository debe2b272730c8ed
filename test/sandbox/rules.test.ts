// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
// The operator loads the package when it meets the first rule; here that must not take real time.
import '@altershield/cel';
import type { ChangePod, CheckResult } from '@altershield/api';
import { Checkout } from '../support/checkout.ts';

const RELEASE = { batches: [1, '100%'], soakSeconds: 5 };
const PINNED = {
  name: 'pinned',
  expression: "object.spec.template.spec.containers.all(c, !c.image.endsWith(':latest'))",
  message: 'pin the image',
};

/** The newest result of a check. */
function resultOf({ sandbox }: Checkout, name: string): CheckResult | undefined {
  const list = sandbox.server.store.list('changepods.altershield.io') as unknown as ChangePod[];
  return list.flatMap(({ status }) => status?.checks ?? []).findLast((each) => each.name === name);
}

const withRules = (...rules: readonly object[]) => ({ release: RELEASE, checks: { rules } });

test('admission denies a change for which a rule is false, with the message of the rule', async () => {
  const checkout = await Checkout.start({ policy: withRules(PINNED) });
  await assert.rejects(
    checkout.apply('latest', 1000),
    /denies this change of Deployment shop\/checkout by policy shop\/web: rule pinned: pin the image/,
  );
  assert.equal(checkout.version, '1');
  assert.deepEqual(checkout.story, []);
  await checkout.apply('2', 60_000);
  assert.deepEqual(checkout.story, ['Success/Verified']);
});

test('a rule reads the former object and the user of the change', async () => {
  const checkout = await Checkout.start({
    policy: withRules({
      name: 'same-size',
      expression:
        "object.spec.replicas == oldObject.spec.replicas && change.user != '' && change.kind == 'Deployment'",
    }),
  });
  await checkout.apply('2', 60_000);
  assert.deepEqual(checkout.story, ['Success/Verified']);
});

test('a rule that cannot be evaluated denies nothing, and suspends the first batch', async () => {
  const checkout = await Checkout.start({
    policy: withRules({ name: 'zone', expression: "object.spec.zone == 'a'" }),
  });
  await checkout.apply('2', 60_000);
  assert.deepEqual(checkout.story, ['Suspend/CheckInconclusive']);
  const check = resultOf(checkout, 'zone');
  assert.equal(check?.reason, 'RuleError');
  assert.match(check.message, /line 1, column 13: no such key: zone \(guard it with has/);
});

test('rules in audit mode and rules that are not required deny nothing', async () => {
  const audited = await Checkout.start({ policy: { ...withRules(PINNED), mode: 'Audit' } });
  await audited.apply('latest', 1000);
  assert.equal(audited.version, 'latest');
  const optional = { ...PINNED, required: false };
  const recorded = await Checkout.start({ policy: withRules(optional) });
  await recorded.apply('latest', 60_000);
  assert.deepEqual(recorded.story, ['Success/Verified']);
});

test('a change that bypassed admission is rolled back by the rule in its first batch', async () => {
  const checkout = await Checkout.start({ policy: withRules(PINNED) });
  await checkout.apply('2', 60_000);
  await checkout.applyUnseen('latest');
  assert.deepEqual(checkout.history, ['2 Success Verified', 'latest RolledBack RolledBack']);
});

test('a rule on the pods of each batch fails the batch', async () => {
  const checkout = await Checkout.start({
    policy: {
      release: { ...RELEASE, soakSeconds: 60 },
      checks: {
        podHealth: { maxRestarts: 100 },
        rules: [{ name: 'calm', when: 'During', expression: 'pods.all(p, p.restarts == 0)' }],
      },
    },
  });
  await checkout.apply('2', 20_000);
  assert.equal(checkout.changes.at(-1)?.status?.phase, 'Running');
  await checkout.degrade({ restartCount: 1, version: '2' });
  await checkout.scheduler.runFor(60_000);
  assert.deepEqual(checkout.story, ['RolledBack/RolledBack']);
  assert.equal(resultOf(checkout, 'calm')?.message, 'pods.all(p, p.restarts == 0) is false');
});

test('a policy is denied with every problem of its rules, by line and column', async () => {
  const checkout = await Checkout.start();
  const rules = [
    { name: 'a', expression: 'spec.replicas == 1 &&\n objet.x' },
    { name: 'b', when: 'During', expression: 'pods.all(p, oldObject == p)' },
    { name: 'c', expression: "object.metadata.name + 'x'" },
  ];
  await assert.rejects(checkout.govern(withRules(...rules)), (error) => {
    const text = String(error);
    assert.match(
      text,
      /rules\[0\]\.expression: line 1, column 1: unknown variable: spec \(did you mean "object\.spec"\?\)/,
    );
    assert.match(text, /rules\[0\]\.expression: line 2, column 2: unknown variable: objet/);
    assert.match(text, /rules\[1\]\.expression: line 1, column 13: unknown variable: oldObject/);
    assert.match(text, /rules\[2\]\.expression: .*the result is string, but must be bool/);
    return true;
  });
});

test('a policy with a bad rule that bypassed admission matches nothing and says why', async () => {
  const checkout = await Checkout.start();
  checkout.killOperator();
  await checkout.govern(withRules({ name: 'bad', expression: 'nothing' }));
  await checkout.startOperator();
  const policy = checkout.sandbox.get('changepolicies.altershield.io', 'shop', 'web');
  assert.match(JSON.stringify(policy), /unknown variable: nothing/);
});
