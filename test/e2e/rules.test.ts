// SPDX-License-Identifier: Apache-2.0

/** Rules in CEL, denied and evaluated where users write; and the API server as their oracle. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { compile, createEnvironment } from '@altershield/cel';
import { eventually } from '@altershield/testing/eventually';
import { aNamespace, sharedCluster, type SharedCluster } from './support/cluster.ts';
import { aDeployment } from './support/manifests.ts';
import { prepareCluster, startOperator, type OperatorProcess } from './support/operator.ts';
import { anApp, applyPolicy } from './support/story.ts';
import { stopAll } from './support/stop-all.ts';

const TIMEOUT_MS = 120_000;
const POLICIES = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies';
const BINDINGS = `${POLICIES.replace('policies', 'policy')}bindings`;
const ORACLE = 'altershield-cel-oracle';

/**
 * An expression over a Deployment, after the first minor version of Kubernetes that accepts it in new
 * policies: one later than the version that has it.
 */
const EXPRESSIONS: readonly (readonly [minor: number, expression: string])[] = [
  [30, 'object.spec.replicas == 3 && object.spec.replicas / 2 == 1'],
  [30, 'object.spec.replicas > 3'],
  [30, "object.spec.template.spec.containers.all(c, !c.image.endsWith(':latest'))"],
  [30, "object.spec.template.spec.containers.exists_one(c, c.image.matches('^checkout:v[0-9]+$'))"],
  [30, 'has(object.spec.template.spec.containers[0].livenessProbe)'],
  [30, 'has(object.metadata.annotations) && "a/b" in object.metadata.annotations'],
  [30, "object.metadata.?annotations['a/b'].orValue('none') == 'none'"],
  [
    30,
    "quantity('1Gi').isGreaterThan(quantity('1G')) && quantity('1.5').sub(1) == quantity('500m')",
  ],
  [30, "quantity('0.1').asApproximateFloat() == 0.1 && !isQuantity('1K')"],
  [
    30,
    "'héllo'.substring(1, 2) == 'é' && 'héllo'.indexOf('l') == 2 && 'abc'.replace('', '-') == '-a-b-c-'",
  ],
  [30, "'%s %d %.2f %x'.format([dyn('a'), dyn(5), dyn(1.005), dyn(255)]) == 'a 5 1.00 ff'"],
  [30, "'%.1f %.0f'.format([0.25, 2.5]) == '0.2 2'"],
  [30, "'a b 12 c 3'.findAll('[0-9]+') == ['12', '3'] && ' x\\t'.trim() == 'x'"],
  [30, "[3, 1, 2].max() == 3 && [1, 2].sum() == 3 && ['a', 'b'].isSorted()"],
  [30, 'sets.contains([1, 2], [2]) && sets.intersects([1], [2])'],
  [30, "url('https://a.b:80/c d?x=1&x=2').getEscapedPath() == '/c%20d'"],
  [30, "url('https://[::1]:80/?x=1&x=2').getQuery()['x'] == ['1', '2'] && isURL('a/b')"],
  [31, "ip('2001:db8:0:0:1:0:0:1') == ip('2001:db8::1:0:0:1') && ip.isCanonical('::1')"],
  [
    31,
    "cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8') && cidr('10.0.0.0/8').containsIP('10.9.9.9')",
  ],
  [30, "timestamp('2026-01-02T03:04:05Z').getHours('-05:00') == 22"],
  [30, "timestamp('2026-03-01T00:00:00Z') - duration('24h') == timestamp('2026-02-28T00:00:00Z')"],
  [30, "duration('90m').getHours() == 1 && string(duration('1h30m')) == '5400s'"],
  [30, "string(1.0) == '1' && string(1e21) == '1e+21' && int('-7') / 2 == -3 && -7 % 3 == -1"],
  [30, '(object.spec.replicas / (object.spec.replicas - 3) == 1) || true'],
  [32, "format.dns1123Label().validate('a-b').hasValue()"],
  [32, "!format.qualifiedName().validate('example.com/a').hasValue()"],
  [33, "object.metadata.labels.all(k, v, k == 'app' && v.size() > 0)"],
  [33, '[5, 6].transformList(i, v, i * v) == [0, 6]'],
  [34, "semver('1.0.0-rc.2').isLessThan(semver('1.0.0-rc.10')) && isSemver('v1.0', true)"],
  [35, '[1, 2, 1].distinct() == [1, 2] && [1, 2, 3].slice(0, 2) == [1, 2]'],
];

let cluster: SharedCluster;
let operator: OperatorProcess;

before(async () => {
  cluster = await sharedCluster();
  await prepareCluster(cluster);
  operator = await startOperator(cluster);
});

after(() =>
  stopAll(
    () => operator.stop(),
    () => cluster.stop(),
  ),
);

test('a change for which a rule is false is denied at admission, and the next one is released', async () => {
  const rule = {
    name: 'pinned',
    expression: "object.spec.template.spec.containers.all(c, !c.image.endsWith(':latest'))",
    message: 'pin the image',
  };
  const release = { batches: [1, '100%'], soakSeconds: 1 };
  const app = await anApp(cluster, { replicas: 2, policy: { release, checks: { rules: [rule] } } });
  try {
    await assert.rejects(app.setImage('checkout:latest'), /denies this change.*pin the image/);
    assert.deepEqual(await app.changes(), []);
    await app.setImage('checkout:v2');
    await app.until('checkout:v2', 'Success', TIMEOUT_MS);
  } finally {
    await app.close();
  }
});

test('a policy is denied with every problem of its rules, by line and column', async () => {
  const namespace = await aNamespace(cluster, 'rules');
  const rules = [{ name: 'a', expression: 'spec.replicas == 1 &&\n objet.x' }];
  await assert.rejects(
    applyPolicy(cluster, namespace, { checks: { rules } }),
    /line 1, column 1: unknown variable: spec.*line 2, column 2: unknown variable: objet/s,
  );
});

test('expressions have the value that the API server gives them in a ValidatingAdmissionPolicy', async () => {
  const { minor } = (await cluster.call({ path: '/version' })) as { minor: string };
  const all = EXPRESSIONS.filter(([first]) => first <= Number.parseInt(minor, 10));
  const expressions = all.map(([, expression]) => expression);
  const namespace = await aNamespace(cluster, 'oracle');
  await createOracle(namespace, expressions);
  try {
    const labels = { app: 'web' };
    const deployment = aDeployment({ name: 'web', namespace, image: 'checkout:v1', replicas: 3 });
    const object = { ...deployment, metadata: { ...Object(deployment['metadata']), labels } };
    const environment = createEnvironment({ object: { type: 'dyn' } });
    const ours = expressions.map((expression) => {
      const compiled = compile(expression, environment);
      assert.ok(compiled.ok, `${expression}: ${JSON.stringify(compiled)}`);
      const result = compiled.program.evaluate({ object });
      return [expression, result.ok ? result.value : result.error.message];
    });
    const refused = await eventually(() => refusedBy(object), {
      what: 'the policy to be in force',
      timeoutMs: TIMEOUT_MS,
    });
    const theirs = expressions.map((expression, index) => [
      expression,
      !refused.has(String(index)),
    ]);
    assert.deepEqual(ours, theirs);
  } finally {
    await cluster.call({ method: 'DELETE', path: `${POLICIES}/${ORACLE}` });
    await cluster.call({ method: 'DELETE', path: `${BINDINGS}/${ORACLE}` });
  }
});

/** A policy that warns of each expression that is false, by its number; the last always is. */
async function createOracle(namespace: string, expressions: readonly string[]): Promise<void> {
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const rule = { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE'] };
  const validations = [...expressions, 'false'].map((expression, index) => ({
    expression,
    message: `#${index}#`,
  }));
  const metadata = { name: ORACLE };
  const matchConstraints = { resourceRules: [{ ...rule, resources: ['deployments'] }] };
  const policy = { kind: 'ValidatingAdmissionPolicy', spec: { matchConstraints, validations } };
  const matchLabels = { 'kubernetes.io/metadata.name': namespace };
  const binding = {
    kind: 'ValidatingAdmissionPolicyBinding',
    spec: {
      policyName: ORACLE,
      validationActions: ['Warn'],
      matchResources: { namespaceSelector: { matchLabels } },
    },
  };
  const create = (path: string, body: object): Promise<unknown> =>
    cluster.call({ method: 'POST', path, body: { apiVersion, metadata, ...body } });
  await create(POLICIES, policy);
  await create(BINDINGS, binding);
}

/** The numbers of the expressions of which the API server warns. */
async function refusedBy(object: object): Promise<ReadonlySet<string> | undefined> {
  const { stderr } = await cluster.kubectl(['create', '--dry-run=server', '-f', '-'], {
    input: JSON.stringify(object),
  });
  assert.doesNotMatch(stderr, /resulted in error|Error from server/);
  const found = new Set([...stderr.matchAll(/#(\d+)#/g)].map(([, index = '']) => index));
  return found.size === 0 ? undefined : found;
}
