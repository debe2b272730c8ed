// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOTATIONS, changePolicySpec } from '@altershield/api';
import { canonicalJson, fingerprint, webhooksFor } from '@altershield/core';
import { Environment } from '@marcbachmann/cel-js';
import fc from 'fast-check';
import { KINDS } from '../support/kinds.ts';

const template = fc.record({
  metadata: fc.record({ labels: fc.constantFrom({ app: 'web' }, { app: 'web', tier: 'x' }) }),
  spec: fc.record({ containers: fc.constantFrom([{ image: 'web:1' }], [{ image: 'web:2' }], []) }),
});
const object = fc.record({
  metadata: fc.record(
    {
      annotations: fc.dictionary(
        fc.constantFrom(...Object.values(ANNOTATIONS), 'example.com/note'),
        fc.constantFrom('a', 'b'),
        { maxKeys: 2 },
      ),
    },
    { requiredKeys: [] },
  ),
  spec: fc.record({
    replicas: fc.integer({ min: 0, max: 2 }).map(BigInt),
    updateStrategy: fc.constantFrom({ type: 'RollingUpdate' }, { type: 'OnDelete' }),
    template,
  }),
});

interface Optional {
  hasValue(): boolean;
  value(): unknown;
}

/** The engine does not compare optional values; the API server does. */
const differ = (a: Optional, b: Optional): boolean =>
  a.hasValue() !== b.hasValue() ||
  (a.hasValue() && canonicalJson(a.value()) !== canonicalJson(b.value()));

const environment = new Environment({
  unlistedVariablesAreDyn: true,
  enableOptionalTypes: true,
}).registerOperator('optional<dyn> != optional<dyn>', differ);

const POLICY = {
  namespace: 'shop',
  name: 'web',
  uid: 'p',
  generation: 1,
  spec: changePolicySpec.parse({}),
};
const PLACE = {
  clientConfig: (path: string) => ({ url: `https://operator${path}` }),
  operatorUser: 'operator',
  operatorNamespace: 'altershield-system',
};

for (const { adapter } of KINDS) {
  const { resource } = adapter.descriptor;

  test(`${resource.kind}: the API server calls the webhook for every change and for no other write`, () => {
    const { mutating } = webhooksFor([POLICY], PLACE, { nativeClamp: true });
    const webhook = mutating.find(({ rules }) =>
      JSON.stringify(rules).includes(`"${resource.plural}"`),
    );
    assert.ok(webhook, `a webhook for ${resource.plural}`);
    const conditions = webhook['matchConditions'] as { name: string; expression: string }[];
    const change = conditions.find(({ name }) => name === 'a-change');
    const program = environment.parse(change?.expression ?? '');
    fc.assert(
      fc.property(object, object, (was, is) => {
        const request = { operation: 'UPDATE', userInfo: { username: 'alice' } };
        const isAsked = program({ object: is, oldObject: was, request });
        const isChange = fingerprint(was.spec.template) !== fingerprint(is.spec.template);
        const [before, after] = [was, is].map(({ metadata }) => metadata.annotations ?? {});
        const ours = [...adapter.admission.annotations, ANNOTATIONS.actor];
        const isMarked = ours.some((name) => before?.[name] !== after?.[name]);
        const isHeld = before?.[ANNOTATIONS.hold] !== undefined;
        const isBorrowed = was.spec.updateStrategy.type !== is.spec.updateStrategy.type;
        const isNeeded = isChange || isMarked || (isHeld && isBorrowed);
        if (isNeeded) assert.equal(isAsked, true);
        const isUntouched = Object.values(ANNOTATIONS).every((n) => before?.[n] === after?.[n]);
        if (!isChange && isUntouched && !isHeld) assert.equal(isAsked, false);
      }),
      { seed: Number(process.env['SEED'] ?? 1) },
    );
  });
}
