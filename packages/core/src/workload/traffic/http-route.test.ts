// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ANNOTATIONS } from '@altershield/api';
import { applyPatch } from '@altershield/testing/json-patch';
import {
  restoreHttpRoute,
  splitProblem,
  splitSince,
  splitTo,
  splitsOf,
  unsplit,
  type HttpRoute,
} from './http-route.ts';

const SERVICES = new Set(['web', 'web-canary']);

interface Ref {
  readonly name: string;
  readonly weight?: number;
  readonly namespace?: string;
  readonly kind?: string;
}

const route = (...rules: readonly (readonly Ref[])[]): HttpRoute => ({
  metadata: { name: 'shop', namespace: 'shop', uid: 'r-1' },
  spec: { rules: rules.map((backendRefs) => ({ backendRefs })) },
});

const stable = (weight?: number): Ref => ({
  name: 'web',
  ...(weight === undefined ? {} : { weight }),
});
const canary = (weight = 0): Ref => ({ name: 'web-canary', weight });

const weightsOf = ({ spec }: HttpRoute): (number | undefined)[][] =>
  (spec?.rules ?? []).map(({ backendRefs = [] }) => backendRefs.map(({ weight }) => weight));

const send = (from: HttpRoute, weight: number, revision = 'b'): HttpRoute =>
  splitTo(splitsOf([from], SERVICES), weight, revision).reduce(
    (object, write) => applyPatch(object, write.ops),
    from,
  );

const end = (from: HttpRoute): HttpRoute =>
  unsplit(splitsOf([from], SERVICES)).reduce((object, { ops }) => applyPatch(object, ops), from);

test('the canary Service gets its share of what the stable one had', () => {
  assert.deepEqual(weightsOf(send(route([stable(100), canary()]), 10)), [[9000, 1000]]);
  assert.deepEqual(weightsOf(send(route([stable(), canary()]), 10)), [[90, 10]]);
  assert.deepEqual(weightsOf(send(route([canary(), stable(1)]), 100)), [[100, 0]]);
});

test('the weights of the user are restored exactly, through any steps', () => {
  const rule = fc
    .record({ whole: fc.integer({ min: 1, max: 10_000 }), isFirst: fc.boolean() })
    .map(({ whole, isFirst }) => (isFirst ? [canary(), stable(whole)] : [stable(whole), canary()]));
  const steps = fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 5 });
  fc.assert(
    fc.property(fc.array(rule, { minLength: 1, maxLength: 3 }), steps, (rules, weights) => {
      const before = { ...route(...rules), metadata: { ...route().metadata, annotations: {} } };
      const during = weights.reduce<HttpRoute>((object, weight) => send(object, weight), before);
      assert.deepEqual(end(during), before);
      const ops = restoreHttpRoute(during);
      assert.deepEqual(ops === undefined ? during : applyPatch(during, ops), before);
      const last = weights.at(-1) ?? 0;
      for (const split of splitsOf([during], SERVICES))
        assert.ok(split.rules.every(({ weight }) => weight === last));
    }),
  );
});

test('weights that are written already are not written again', () => {
  const during = send(route([stable(1), canary()]), 30);
  const splits = splitsOf([during], SERVICES);
  assert.deepEqual(splitTo(splits, 30, 'b'), []);
  assert.equal(splitTo(splits, 30, 'c').length, 1);
  assert.equal(splitSince(splits, 30, 'b'), 0);
  assert.equal(splitSince(splits, 30, 'c'), undefined);
  assert.equal(splitSince(splits, 50, 'b'), undefined);
});

test('an HTTPRoute that is applied again during a step gets its share again', () => {
  const during = send(route([stable(1), canary()]), 30);
  const again = { ...during, spec: route([stable(1), canary()]).spec } as HttpRoute;
  assert.deepEqual(weightsOf(send(again, 30)), [[70, 30]]);
  assert.deepEqual(end(again).spec, again.spec);
});

test('weights that a user set meanwhile stay', () => {
  const during = send(route([stable(1), canary()]), 30);
  const edited = { ...during, spec: route([stable(5), canary(2)]).spec } as HttpRoute;
  assert.deepEqual(weightsOf(end(edited)), [[5, 2]]);
  assert.equal(end(edited).metadata.annotations?.[ANNOTATIONS.traffic], undefined);
});

test('the rules that were read are a precondition of the write', () => {
  const [write] = splitTo(splitsOf([route([stable(1), canary()])], SERVICES), 10, 'b');
  assert.deepEqual(
    write?.ops.filter(({ op }) => op === 'test').map(({ path }) => path),
    ['/metadata/uid', '/spec/rules/0/backendRefs'],
  );
});

test('an HTTPRoute is left alone unless exactly two Services of the workload share a rule', () => {
  const others: readonly HttpRoute[] = [
    route([stable(1)]),
    route([stable(1), canary(1)]),
    route([stable(0), canary(0)]),
    route([stable(1), { name: 'other', weight: 0 }]),
    route([stable(1), canary(), { name: 'other', weight: 1 }]),
    route([stable(1), { ...canary(), namespace: 'other' }]),
    route([stable(1), { ...canary(), kind: 'ServiceImport' }]),
    route([stable(1), { name: 'web', weight: 0 }]),
  ];
  for (const other of others) {
    assert.equal(splitsOf([other], SERVICES)[0]?.rules.length ?? 0, 0, JSON.stringify(other));
    assert.match(splitProblem(splitsOf([other], SERVICES)) ?? '', /no HTTPRoute sends/);
    assert.equal(restoreHttpRoute(other), undefined);
  }
  assert.equal(splitProblem(splitsOf([route([stable(1), canary()])], SERVICES)), undefined);
});

test('weights that cannot be divided, and a Service with two roles, are named', () => {
  const large = splitsOf([route([stable(10_001), canary()])], SERVICES);
  assert.match(splitProblem(large) ?? '', /HTTPRoute shop has a weight of 10001/);
  const twice = splitsOf(
    [
      route([stable(1), canary()]),
      route([
        { name: 'web', weight: 0 },
        { name: 'web-canary', weight: 1 },
      ]),
    ],
    SERVICES,
  );
  assert.match(splitProblem(twice) ?? '', /is the canary of one HTTPRoute and stable in another/);
});
