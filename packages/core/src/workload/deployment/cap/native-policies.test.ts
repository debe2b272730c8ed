// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OPERATOR_RULES } from '../../permissions.ts';
import { CLAMP_TABLE } from './clamp-table.ts';
import { nativePolicies } from './native-policies.ts';

const USER = 'system:serviceaccount:ops:altershield';
const policies = nativePolicies(USER);
const plural = (kind: string): string => `${kind.toLowerCase()}s`.replace(/ys$/, 'ies');

test('the operator may create each admission policy, and read and write each by its name', () => {
  for (const { kind, name } of policies) {
    const rules = OPERATOR_RULES.filter(({ resources }) => resources.includes(plural(kind)));
    const named = rules.find(({ resourceNames }) => resourceNames?.includes(name) === true);
    assert.deepEqual(named?.verbs, ['get', 'list', 'watch', 'patch'], `${kind} ${name}`);
    const free = rules.find(({ resourceNames }) => resourceNames === undefined);
    assert.deepEqual(free?.verbs, ['create'], kind);
  }
});

test('each admission policy has one binding, for all namespaces, and exempts the operator', () => {
  const bound = policies.filter(({ kind }) => kind.endsWith('Binding'));
  const rest = policies.filter((one) => !bound.includes(one));
  assert.deepEqual(
    bound.map(({ kind, spec }) => [kind, spec['policyName']]),
    rest.map(({ kind, name }) => [`${kind}Binding`, name]),
  );
  for (const { spec } of bound) assert.equal(spec['matchResources'], undefined);
  for (const { spec } of rest) assert.match(JSON.stringify(spec), new RegExp(`!= '${USER}'`));
});

test('the clamp fails closed, runs after other plug-ins, and uses the same table', () => {
  const [clamp, keep] = policies;
  assert.equal(clamp?.spec['failurePolicy'], 'Fail');
  assert.equal(clamp.spec['reinvocationPolicy'], 'IfNeeded');
  assert.deepEqual(clamp.spec['variables'], CLAMP_TABLE);
  // The operator's own webhook, later in the same write, may change what was kept.
  assert.equal(keep?.spec['reinvocationPolicy'], 'Never');
});
