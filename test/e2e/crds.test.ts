// SPDX-License-Identifier: Apache-2.0
// The CRDs alone, without an operator: every supported API server accepts them, and they deny invalid policies.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { KubectlResult } from '../cluster/access.ts';
import { aNamespace, sharedCluster, type SharedCluster } from './support/cluster.ts';
import { CRDS } from './support/operator.ts';

const NAMES = [
  'changepolicies',
  'changeworkloads',
  'changepods',
  'changeapprovals',
  'changechecks',
  'metricsources',
].map((plural) => `crd/${plural}.altershield.io`);

let cluster: SharedCluster;
let namespace: string;

before(async () => {
  cluster = await sharedCluster();
  namespace = await aNamespace(cluster);
});

after(async () => {
  await cluster.stop();
});

async function apply(spec: unknown): Promise<KubectlResult> {
  const policy = {
    apiVersion: 'altershield.io/v1alpha1',
    kind: 'ChangePolicy',
    metadata: { name: 'policy', namespace },
    spec,
  };
  const args = ['apply', '--dry-run=server', '-f', '-'];
  return await cluster.kubectl(args, { input: JSON.stringify(policy) });
}

const batches = (...steps: readonly unknown[]): unknown => ({ release: { batches: steps } });
const selector = (of: unknown): unknown => ({ target: { selector: of } });
const expression = (of: unknown): unknown => selector({ matchExpressions: [of] });

describe('the API server', () => {
  test('accepts all CRDs', async () => {
    const { code, stderr } = await cluster.kubectl(['apply', '--server-side', '-f', CRDS]);
    assert.equal(code, 0, stderr);
    const established = ['wait', '--for=condition=Established', '--timeout=30s', ...NAMES];
    assert.equal((await cluster.kubectl(established)).code, 0);
  });
});

describe('the schema of a policy', () => {
  const VALID: Readonly<Record<string, unknown>> = {
    'counts, then percentages': batches(1, '30%', '100%'),
    'counts and percentages that alternate': batches('10%', 5, '30%', 20),
    'percentages of different lengths': batches('9%', '10%', '99%', '100%'),
    'twenty steps': batches(...Array.from({ length: 20 }, (_, i) => `${i + 1}%`)),
    'a selector of both forms': selector({
      matchLabels: { 'example.com/tier': 'web' },
      matchExpressions: [{ key: 'tier', operator: 'In', values: ['web'] }],
    }),
  };
  for (const [what, spec] of Object.entries(VALID)) {
    test(`accepts ${what}`, async () => {
      const { code, stderr } = await apply(spec);
      assert.equal(code, 0, stderr);
    });
  }

  const STEP = /batches\[0\].* should (match|be greater)/;
  const DENIED: Readonly<Record<string, readonly [unknown, RegExp]>> = {
    'a step of no pods': [batches(0), STEP],
    'a step of 0 %': [batches('0%'), STEP],
    'a step of 101 %': [batches('101%'), STEP],
    'a count written as a string': [batches('30'), STEP],
    'a step that is a word': [batches('all'), STEP],
    'counts that decrease': [batches(3, 2), /counts are cumulative/],
    'percentages that decrease': [batches('30%', 5, '20%'), /percentages are cumulative/],
    'percentages that decrease as numbers but not as strings': [
      batches('10%', '9%'),
      /percentages are cumulative/,
    ],
    'a duplicate count': [batches(1, '5%', 1), /each step may occur only once/],
    'a duplicate percentage': [batches('5%', 1, '5%'), /each step may occur only once/],
    'a step after 100 %': [batches('100%', 3), /nothing may follow 100%/],
    'an invalid label key': [selector({ matchLabels: { '-': 'a' } }), /must be a label key/],
    'a label key with a long prefix': [
      expression({ key: `${'a.'.repeat(130)}b/c`, operator: 'Exists' }),
      /must be a label key/,
    ],
    'an operator without its values': [
      expression({ key: 'a', operator: 'In' }),
      /at least one value/,
    ],
    'an operator with values that it must not have': [
      expression({ key: 'a', operator: 'Exists', values: ['b'] }),
      /at least one value/,
    ],
  };
  for (const [what, [spec, why]] of Object.entries(DENIED)) {
    test(`denies ${what}`, async () => {
      const { code, stderr } = await apply(spec);
      assert.equal(code, 1);
      assert.match(stderr, why);
      // A rule must not add an evaluation error to the schema's own message.
      assert.doesNotMatch(stderr, /type conversion|no such overload/);
    });
  }
});
