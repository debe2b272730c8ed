// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { validatePolicy } from '../admission/record-validation.ts';
import { isSameConfiguration, webhooksFor } from '../admission/webhook-configuration.ts';
import { aPolicy } from '@altershield/testing/builders';
import { explainErrors } from './field.ts';
import { policyFor, mismatch, selects, type Candidate } from './match.ts';
import { ADAPTERS } from '../workload/registry.ts';
import { parsePolicy } from './validate.ts';

const kinds = ADAPTERS.map(({ descriptor }) => descriptor);
const HERE = { namespace: 'shop', operatorNamespace: 'ops', kinds };
const web: Candidate = {
  group: 'apps',
  kind: 'Deployment',
  namespace: 'shop',
  labels: { tier: 'web' },
  namespaceLabels: { 'kubernetes.io/metadata.name': 'shop', team: 'a' },
};

const pathsOf = (spec: unknown): string[] => {
  const parsed = parsePolicy(spec, HERE);
  return parsed.ok ? [] : parsed.errors.map((e) => e.path);
};

test('an empty policy is valid and has these defaults', () => {
  const day = 86_400;
  const spec = {
    mode: 'Enforce',
    target: {},
    release: { soakSeconds: 10 },
    checks: {
      podHealth: { slowPods: 'Suspend', maxRestarts: 2, maxReadinessLosses: 1 },
      signals: { mode: 'Required', intervalSeconds: 15, observeSeconds: 120, windowSeconds: 120 },
    },
    onInconclusive: 'Suspend',
    limits: {
      ...{ rollbacksPerHour: 3, quarantineSeconds: 7 * day },
      ...{ historyLimit: 10, historyTTLSeconds: 14 * day },
    },
    failurePolicy: 'Ignore',
  };
  assert.deepEqual(parsePolicy({}, HERE), { ok: true, spec });
});

test('every problem is reported at once, with path, value and fix', () => {
  const spec = { mode: 'Maybe', release: { batches: [1, '130%'], soakSeconds: -1 }, extra: 1 };
  assert.deepEqual(
    new Set(pathsOf(spec)),
    new Set(['spec.mode', 'spec.release.batches[1]', 'spec.release.soakSeconds', 'spec.extra']),
  );
  const parsed = parsePolicy({ release: { batches: [5, '10%', 3, '5%'] } }, HERE);
  assert.ok(!parsed.ok);
  assert.match(
    explainErrors(parsed.errors),
    /batches\[2\]: must be larger .*\(got 3\); .*batches\[3\]/,
  );
});

const BATCHES: readonly (readonly [readonly unknown[], readonly number[]])[] = [
  [[1, '30%', '100%'], []],
  [[10, '1%'], []],
  [[2, '10%', 5, '20%'], []],
  [['100%', 1], [1]],
  [
    ['100%', '100%', 5],
    [1, 2],
  ],
  [
    [5, '10%', 3, '5%'],
    [2, 3],
  ],
  [[1, 1], [1]],
  [
    [0, '0%', 'many', 1.5, null, '007%'],
    [0, 1, 2, 3, 4, 5],
  ],
];

for (const [batches, bad] of BATCHES) {
  const what = bad.length === 0 ? 'is in order' : `is wrong at ${bad.join(', ')}`;
  test(`a release in ${JSON.stringify(batches)} ${what}`, () => {
    assert.deepEqual(
      pathsOf({ release: { batches } }),
      bad.map((i) => `spec.release.batches[${i}]`),
    );
  });
}

test('each batch error says which value is valid', () => {
  const explain = (...batches: unknown[]): string => {
    const parsed = parsePolicy({ release: { batches } }, HERE);
    return parsed.ok ? '' : explainErrors(parsed.errors);
  };
  assert.equal(
    explain('12.5%'),
    'spec.release.batches[0]: must be a count of pods from 1, or a percentage from "1%" to "100%" (got "12.5%")',
  );
  assert.match(explain('100%', 1), /batches\[1\]: must not follow 100%.* remove it \(got 1\)/);
});

const RELEASES: readonly (readonly [object, readonly string[]])[] = [
  [{ strategy: 'Canary', canary: { pods: '10%', observeSeconds: 60 } }, []],
  [{ strategy: 'Canary' }, []],
  [{ strategy: 'BlueGreen', blueGreen: { keepSeconds: 0 } }, []],
  [{ steps: [{ step: 3, pauseAfter: true }] }, []],
  [{ batches: [1], steps: [{ step: 2, pauseAfter: true }] }, []],
  [{ topologyKey: 'topology.kubernetes.io/zone' }, []],
  [{ topologyKey: 'zone', batches: [1] }, ['topologyKey']],
  [{ topologyKey: 'zone', strategy: 'Canary' }, ['topologyKey']],
  [{ topologyKey: 'zone', steps: [{ step: 21, pauseAfter: true }] }, []],
  [{ topologyKey: 'a b' }, ['topologyKey']],
  [{ canary: { pods: 1 } }, ['canary']],
  [{ strategy: 'Canary', batches: [1], blueGreen: {} }, ['batches', 'blueGreen']],
  [{ strategy: 'BlueGreen', batches: [1], canary: {} }, ['batches', 'canary']],
  [{ strategy: 'Rolling', steps: [{ step: 1, pauseAfter: true }] }, ['steps']],
  [{ strategy: 'Canary', approval: { before: 'Batch' } }, []],
  [{ strategy: 'Rolling', approval: {} }, ['approval']],
  [
    { approval: { from: [{ group: 'sre' }, { group: 'sre', count: 2 }] } },
    ['approval.from[1].group'],
  ],
  [
    { steps: [{ step: 2, approval: { from: [{ group: 'sre' }, { group: 'sre' }] } }] },
    ['steps[0].approval.from[1].group'],
  ],
  [{ approval: {}, steps: [{ step: 1, approval: {} }] }, ['approval.before']],
  [{ approval: {}, steps: [{ step: 2, approval: {} }] }, []],
  [{ approval: { before: 'Batch' }, steps: [{ step: 1, approval: {} }] }, []],
  [{ strategy: 'Canary', steps: [{ step: 1, weight: 10 }] }, []],
  [{ strategy: 'Canary', steps: [{ step: 2, weight: 10 }] }, ['steps[0].weight']],
  [{ batches: [1, 5], steps: [{ step: 2, weight: 10 }] }, []],
  [{ batches: [1, '100%'], steps: [{ step: 2, weight: 10 }] }, ['steps[0].weight']],
  [{ strategy: 'BlueGreen', steps: [{ step: 1, weight: 10 }] }, ['steps[0].weight']],
  [{ strategy: 'Canary', canary: { pods: '100%' } }, ['canary.pods']],
  [
    {
      strategy: 'Canary',
      canary: { observeSeconds: 5 },
      steps: [{ step: 1, soakSeconds: 6 }],
    },
    ['canary.observeSeconds'],
  ],
  [{ batches: ['100%'], steps: [{ step: 2 }, { step: 2 }] }, ['steps[0].step', 'steps[1].step']],
  [{ strategy: 'Canary', steps: [{ step: 3 }] }, ['steps[0].step']],
  [{ soakSeconds: 60, deadlineSeconds: 60 }, ['deadlineSeconds']],
  [{ steps: [{ step: 1, deadlineSeconds: 10 }] }, ['steps[0].deadlineSeconds']],
  [{ deadlineSeconds: 60, steps: [{ step: 1, soakSeconds: 90 }] }, ['steps[0].deadlineSeconds']],
];

for (const [release, bad] of RELEASES) {
  const what = bad.length === 0 ? 'is valid' : `is wrong at ${bad.join(', ')}`;
  test(`the release ${JSON.stringify(release)} ${what}`, () => {
    assert.deepEqual(
      pathsOf({ release }),
      bad.map((path) => `spec.release.${path}`),
    );
  });
}

test('a kind whose pods have no batches by nodes cannot be named beside topologyKey', () => {
  const spec = (...kinds: readonly string[]) => ({
    target: { kinds },
    release: { topologyKey: 'topology.kubernetes.io/zone' },
  });
  assert.deepEqual(pathsOf(spec('DaemonSet')), []);
  const parsed = parsePolicy(spec('DaemonSet', 'Deployment'), HERE);
  assert.ok(!parsed.ok);
  assert.match(
    explainErrors(parsed.errors),
    /^spec\.release\.topologyKey: Deployment: the scheduler chooses the nodes of its pods/,
  );
});

test('a namespaceSelector is only for policies of the whole cluster', () => {
  const target = { namespaceSelector: {} };
  assert.deepEqual(pathsOf({ target }), ['spec.target.namespaceSelector']);
  assert.ok(parsePolicy({ target }, { ...HERE, namespace: 'ops' }).ok);
});

const BAD_SELECTORS: readonly (readonly [string, object, string])[] = [
  [
    'In without values',
    { matchExpressions: [{ key: 'a', operator: 'In' }] },
    'matchExpressions[0].values',
  ],
  [
    'Exists with values',
    { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] },
    'matchExpressions[0].values',
  ],
  [
    'a key with a blank',
    { matchExpressions: [{ key: 'a b', operator: 'Exists' }] },
    'matchExpressions[0].key',
  ],
  [
    'a value with a blank',
    { matchExpressions: [{ key: 'a', operator: 'In', values: ['b', 'c d'] }] },
    'matchExpressions[0].values[1]',
  ],
  ['a label key with a blank', { matchLabels: { 'bad key!!': 'x' } }, 'matchLabels[bad key!!]'],
  ['a label value with a blank', { matchLabels: { tier: 'x y' } }, 'matchLabels.tier'],
  ['a prefix in capitals', { matchLabels: { 'UP/tier': 'x' } }, 'matchLabels[UP/tier]'],
  [
    'a prefix that is too long',
    { matchLabels: { [`${'a.'.repeat(126)}aa/x`]: 'x' } },
    `matchLabels[${'a.'.repeat(126)}aa/x]`,
  ],
  [
    'a name that is too long',
    { matchLabels: { ['a'.repeat(64)]: 'x' } },
    `matchLabels.${'a'.repeat(64)}`,
  ],
];

for (const [what, selector, path] of BAD_SELECTORS) {
  test(`a selector by ${what} is denied, wherever it is`, () => {
    const target = { selector, namespaceSelector: selector };
    const paths = ['selector', 'namespaceSelector'].map((field) => `spec.target.${field}.${path}`);
    assert.deepEqual(pathsOf({ target }), paths);
  });
}

test('an invalid label key is reported with the key and the valid format', () => {
  const parsed = parsePolicy({ target: { selector: { matchLabels: { 'a b': 'x' } } } }, HERE);
  assert.ok(!parsed.ok);
  assert.match(
    explainErrors(parsed.errors),
    /^spec\.target\.selector\.matchLabels\[a b\]: the key must be a label key: .* example\.com\/tier \(got "a b"\)$/,
  );
});

test('no input makes the parser throw', () => {
  fc.assert(fc.property(fc.anything(), (spec) => typeof parsePolicy(spec, HERE).ok === 'boolean'));
});

test('selectors read labels as the API server does', () => {
  const expression = (operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist', key = 'tier') => ({
    matchExpressions: [{ key, operator, values: ['web'] }],
  });
  assert.ok(selects(undefined, {}));
  assert.ok(selects({}, {}));
  assert.ok(selects(expression('In'), web.labels));
  assert.ok(!selects(expression('NotIn'), web.labels));
  assert.ok(selects(expression('NotIn', 'other'), web.labels));
  assert.ok(selects(expression('Exists'), web.labels));
  assert.ok(!selects(expression('DoesNotExist'), web.labels));
  assert.ok(!selects({ ...expression('In'), matchLabels: { a: 'b' } }, web.labels));
});

const cluster = (namespaceSelector?: object) =>
  aPolicy(
    { target: namespaceSelector === undefined ? {} : { namespaceSelector } },
    { namespace: 'ops' },
  );
const inNamespace = (namespace: string): Candidate => ({
  ...web,
  namespace,
  namespaceLabels: { 'kubernetes.io/metadata.name': namespace },
});

test('a mismatch is reported as a sentence', () => {
  const at = (policy = aPolicy(), candidate = web) => mismatch(policy, candidate, 'ops');
  assert.equal(at(), undefined);
  assert.match(at(aPolicy({}, { namespace: 'other' })) ?? '', /namespace other only/);
  assert.match(
    at(aPolicy({ target: { selector: { matchLabels: { tier: 'db' } } } })) ?? '',
    /selector/,
  );
  const deployments = aPolicy({ target: { kinds: ['Deployment'] } });
  assert.match(at(deployments, { ...web, kind: 'Job' }) ?? '', /does not match kind Job/);
  assert.match(at(cluster({ matchLabels: { team: 'b' } })) ?? '', /namespaceSelector/);
  const ignored = { ...web, namespaceLabels: { 'altershield.io/admission': 'ignore' } };
  assert.match(at(aPolicy(), ignored) ?? '', /exempt/);
});

test('kube-system and the operator’s namespace are exempt unless named', () => {
  for (const namespace of ['kube-system', 'ops']) {
    const candidate = inNamespace(namespace);
    const byName = { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
    const byList = {
      matchExpressions: [
        { key: 'kubernetes.io/metadata.name', operator: 'In', values: [namespace] },
      ],
    };
    assert.match(mismatch(cluster(), candidate, 'ops') ?? '', /exempt/);
    assert.equal(mismatch(cluster(byName), candidate, 'ops'), undefined);
    assert.equal(mismatch(cluster(byList), candidate, 'ops'), undefined);
  }
});

test('the namespace’s own policy takes precedence, then the one with a selector, then by name', () => {
  const selector = { matchLabels: { tier: 'web' } };
  const b = aPolicy({}, { name: 'b' });
  const all = [
    cluster(),
    b,
    aPolicy({}, { name: 'c' }),
    aPolicy({ target: { selector } }, { name: 'z' }),
  ];
  assert.equal(policyFor(all, web, 'ops')?.name, 'z');
  assert.equal(policyFor(all.slice(0, 3), web, 'ops')?.name, 'b');
  assert.equal(policyFor(all.slice(0, 1), web, 'ops')?.namespace, 'ops');
  assert.equal(policyFor([], web, 'ops'), undefined);
});

const place = {
  clientConfig: (path: string) => ({ path }),
  operatorUser: 'sa:op',
  operatorNamespace: 'ops',
};
const NATIVE = { nativeClamp: true };
const workloadHooks = (policies: Parameters<typeof webhooksFor>[0]) =>
  webhooksFor(policies, place, NATIVE).mutating.filter(
    ({ clientConfig }) => (clientConfig as { path: string }).path === '/mutate/workload',
  );

test('without a policy, no workload write is sent to the webhook', () => {
  assert.deepEqual(workloadHooks([]), []);
});

test('the webhook matches exactly the policy’s selection, and fails no write while no operator runs', () => {
  const selector = { matchLabels: { tier: 'web' } };
  const [hook, ...others] = workloadHooks([aPolicy({ target: { selector } })]);
  assert.deepEqual(others, []);
  assert.deepEqual(hook?.['objectSelector'], selector);
  assert.equal(hook['failurePolicy'], 'Ignore');
  const [names] = (hook['namespaceSelector'] as { matchExpressions: object[] }).matchExpressions;
  assert.deepEqual(names, {
    ...{ key: 'kubernetes.io/metadata.name', operator: 'In', values: ['shop'] },
  });
  assert.match(JSON.stringify(hook['matchConditions']), /username != 'sa:op'/);
  assert.match(
    JSON.stringify(hook['matchConditions']),
    /object.\?spec.\?template != oldObject.\?spec.\?template/,
  );
});

const pluralsOf = ({ rules }: { readonly [name: string]: unknown }): string[] =>
  (rules as { resources: string[] }[]).flatMap(({ resources }) => resources);

test('a policy that fails closed blocks writes only of kinds that cannot be held otherwise', () => {
  const hooks = workloadHooks([aPolicy({ failurePolicy: 'Fail' })]);
  const failing = hooks.filter(({ failurePolicy }) => failurePolicy === 'Fail');
  assert.deepEqual(failing.flatMap(pluralsOf), ['statefulsets', 'daemonsets']);
  const operations = failing.map(
    ({ rules }) => (rules as { operations: string[] }[])[0]?.operations,
  );
  assert.deepEqual(operations, [['UPDATE']], 'a new workload is never denied');
  const audit = workloadHooks([aPolicy({ failurePolicy: 'Fail', mode: 'Audit' })]);
  assert.ok(audit.every(({ failurePolicy }) => failurePolicy === 'Ignore'));
});

test('a policy’s webhook covers exactly the kinds that it names', () => {
  const [hook] = workloadHooks([aPolicy({ target: { kinds: ['StatefulSet.apps'] } })]);
  assert.deepEqual(hook && pluralsOf(hook), ['statefulsets']);
});

test('policies with equal selectors in a thousand namespaces share one webhook', () => {
  const policies = Array.from({ length: 1000 }, (_, i) =>
    aPolicy({}, { namespace: `team-${i}`, uid: `p-${i}` }),
  );
  const [shared, ...others] = workloadHooks(policies);
  assert.deepEqual(others, []);
  assert.match(String(shared?.['name']), /^mutate\.shared-\w+\.altershield\.io$/);
  const { mutating, validating } = webhooksFor(policies, place, NATIVE);
  assert.ok(JSON.stringify({ mutating, validating }).length < 100_000);
  const other = aPolicy({ target: { selector: { matchLabels: { tier: 'web' } } } });
  assert.equal(workloadHooks([...policies, other]).length, 2);
});

test('a policy for an unsupported kind or strategy is denied with the reason', () => {
  const errors = (spec: unknown, kinds = HERE.kinds) => {
    const parsed = parsePolicy(spec, { ...HERE, kinds });
    return parsed.ok ? '' : explainErrors(parsed.errors);
  };
  assert.match(
    errors({ target: { kinds: ['Deploymnet'] } }),
    /spec.target.kinds\[0\].*AlterShield follows Deployment, StatefulSet/,
  );
  assert.equal(errors({ target: { kinds: ['Deployment', 'StatefulSet.apps'] } }), '');
  assert.equal(errors({ target: { kinds: ['Widget.example.com'] } }), '', 'its CRD may come later');
  const strategies = { Batch: 'its pods are all replaced at once', Rolling: true as const };
  const widget = { resource: { group: 'x', kind: 'Widget' }, strategies };
  assert.match(
    errors({ target: { kinds: ['Widget'] }, release: { strategy: 'Batch' } }, [widget] as never),
    /spec.release.strategy.*Widget: its pods are all replaced at once/,
  );
  assert.equal(errors({ target: { kinds: ['Widget'] } }, [widget] as never), '');
});

test('each webhook has a valid name, no side effects, and a sufficient timeout', () => {
  const long = aPolicy({}, { name: 'p'.repeat(240) });
  const { mutating, validating } = webhooksFor([aPolicy(), long], place, NATIVE);
  for (const hook of [...mutating, ...validating]) {
    assert.ok(String(hook['name']).length <= 253);
    assert.equal(hook['sideEffects'], 'None');
    const isOfControllers = /\.(replicaset|pod)\./.test(String(hook['name']));
    assert.equal(hook['timeoutSeconds'], isOfControllers ? 2 : 5);
    assert.deepEqual(hook['admissionReviewVersions'], ['v1']);
  }
  // Another webhook may change the template after us.
  assert.ok(workloadHooks([aPolicy()]).every((hook) => hook['reinvocationPolicy'] === 'IfNeeded'));
});

test('one webhook that denies nothing asks about edits in place, wherever policies match', () => {
  const edits = (...policies: Parameters<typeof webhooksFor>[0]) =>
    webhooksFor(policies, place, NATIVE).validating.filter(({ clientConfig }) =>
      JSON.stringify(clientConfig).includes('/review/edit'),
    );
  assert.deepEqual(edits(), []);
  const [one, ...more] = edits(aPolicy(), aPolicy({}, { namespace: 'pay', name: 'b' }));
  assert.deepEqual([one?.['failurePolicy'], more], ['Ignore', []]);
  assert.match(JSON.stringify(one?.['namespaceSelector']), /"values":\["pay","shop"\]/);
  const namesPods = aPolicy({ target: { kinds: ['Pod'] } }, { name: 'd' });
  const names = edits(aPolicy(), namesPods).map(({ name }) => String(name).split('-')[0]);
  assert.deepEqual(names, ['edit', 'bare']);
  const wide = aPolicy({}, { namespace: place.operatorNamespace, name: 'c' });
  assert.equal(edits(aPolicy(), wide).length, 2);
});

const clampsOf = (nativeClamp: boolean) =>
  webhooksFor([], place, { nativeClamp })
    .mutating.filter(({ rules }) => JSON.stringify(rules).includes('replicasets'))
    .map(({ name, failurePolicy }) => [name, failurePolicy]);

test('changes in flight are clamped by a webhook that fails closed, unless the API server clamps them', () => {
  const atRest = ['at-rest.replicaset.altershield.io', 'Ignore'];
  assert.deepEqual(clampsOf(false), [['in-flight.replicaset.altershield.io', 'Fail'], atRest]);
  assert.deepEqual(clampsOf(true), [atRest]);
});

test('a quote in the operator’s user name does not end the condition', () => {
  const { mutating } = webhooksFor([aPolicy()], { ...place, operatorUser: "o'brien" }, NATIVE);
  assert.match(JSON.stringify(mutating), /username != 'o\\\\'brien'/);
});

test('the webhook skips exempt namespaces unless they are named', () => {
  const exempt = (selector?: object) =>
    JSON.stringify(workloadHooks([cluster(selector)])[0]?.['namespaceSelector']);
  const others = {
    matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['a'] }],
  };
  assert.match(exempt(), /"values":\["kube-system","ops"\]/);
  assert.match(exempt(others), /"values":\["kube-system","ops"\]/);
  assert.match(
    exempt({ matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } }),
    /"values":\["ops"\]/,
  );
});

test('a policy in an exempt namespace gets no webhook, which would block unmatched writes while the operator is down', () => {
  const there = aPolicy({ failurePolicy: 'Fail' }, { namespace: 'kube-system' });
  assert.deepEqual(workloadHooks([there]), []);
  const made = validatePolicy(
    { id: '1', operation: 'CREATE', namespace: 'kube-system', user: { name: 'a' }, object: {} },
    { ...HERE, namespace: 'kube-system' },
  );
  assert.ok(made.allowed);
  assert.match(made.warnings.join(), /kube-system is exempt: only a policy in namespace ops/);
});

test('the order of policies does not change the configuration', () => {
  const [a, b] = [aPolicy({}, { name: 'a' }), aPolicy({}, { name: 'b' })];
  assert.deepEqual(
    webhooksFor([a, b], place, NATIVE).validating,
    webhooksFor([b, a], place, NATIVE).validating,
  );
});

test('a stored configuration equals the desired one even if the server omits empty fields', () => {
  const all = [cluster(), aPolicy({ target: { selector: { matchLabels: {} } } })];
  for (const wanted of Object.values(webhooksFor(all, place, NATIVE))) {
    const stored = wanted.map((webhook) => ({
      objectSelector: {},
      namespaceSelector: {},
      ...webhook,
    }));
    assert.ok(isSameConfiguration(JSON.parse(JSON.stringify(stored)), wanted));
    assert.ok(!isSameConfiguration(stored.slice(1), wanted));
    assert.ok(!isSameConfiguration(undefined, wanted));
    const blind = wanted.map((webhook, i) =>
      i === 0 ? { ...webhook, objectSelector: { matchLabels: { never: 'there' } } } : webhook,
    );
    assert.ok(!isSameConfiguration(blind, wanted));
  }
});

test('what Jobs and CronJobs cannot do is denied in the words of the kind', () => {
  const errors = (spec: unknown) => {
    const parsed = parsePolicy(spec, HERE);
    return parsed.ok ? [] : parsed.errors.map(({ path, message }) => `${path}: ${message}`);
  };
  const kinds = (...named: string[]) => ({ target: { kinds: named } });
  assert.match(
    errors({ ...kinds('Job'), release: { strategy: 'Canary' } }).join(),
    /^spec.release.strategy: Job: it has no stable pods to compare with/,
  );
  assert.match(
    errors({ ...kinds('CronJob'), release: { strategy: 'BlueGreen' } }).join(),
    /^spec.release.strategy: CronJob: its runs serve no traffic/,
  );
  assert.match(
    errors({ ...kinds('Deployment', 'Job'), onFail: 'RollBack' }).join(),
    /^spec.onFail: Job: its pod template cannot be changed.*leave onFail out/,
  );
  assert.deepEqual(errors({ ...kinds('CronJob'), onFail: 'RollBack' }), []);
  assert.deepEqual(errors({ ...kinds('Job'), onFail: 'Suspend' }), []);
});
