// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { KINDS } from '@altershield/api';
import { OPERATOR_RULES, OWN_NAMESPACE_RULES } from '@altershield/core';
import { parseAllDocuments } from 'yaml';
import { DEFAULT_OPTIONS, installManifests } from '../index.ts';
import { FakeCluster, invoke } from '@altershield/testing/fake-cluster';
import { aChange, aPolicy, at } from '@altershield/testing/stored-objects';

const NOW = Date.parse(at(120));
const OURS = '/apis/altershield.io/v1alpha1/namespaces/shop';
const OPERATOR_DEPLOYMENTS = '/apis/apps/v1/namespaces/altershield-system/deployments';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/altershield-system/leases';
const SECRETS = '/api/v1/namespaces/altershield-system/secrets';
const HOOKS = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
const BINDINGS = '/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings';

/** Controllers that make every applied object ready. */
const finish = (object: object): never =>
  ({
    ...object,
    status: {
      conditions: [{ type: 'Established', status: 'True' }],
      replicas: 2,
      availableReplicas: 2,
      updatedReplicas: 2,
    },
  }) as never;

const written = (cluster: FakeCluster, method: string): string[] =>
  cluster.requests
    .filter((request) => request.method === method)
    .map(({ path }) => path.split('/').slice(-2).join('/'));

describe('install', () => {
  it('prints without a cluster exactly the content of deploy/install.yaml', async () => {
    const cluster = new FakeCluster();
    const { code, out } = await invoke(cluster, 'install --dry-run', NOW);
    const path = new URL('../../../../deploy/install.yaml', import.meta.url);
    const file = await readFile(path, 'utf8');
    assert.equal(code, 0);
    assert.equal(`${out}\n`, file.replace(/^#.*\n/, ''));
    assert.equal(cluster.requests.length, 0);
  });

  it('sets image, replicas and namespace', async () => {
    const { out } = await invoke(
      new FakeCluster(),
      'install --dry-run -n guard --image registry/op:2 --replicas 3',
      NOW,
    );
    const objects = parseAllDocuments(out).map((document) => document.toJSON() as unknown);
    const text = JSON.stringify(objects);
    assert.doesNotMatch(text, /altershield-system/);
    assert.match(text, /"image":"registry\/op:2","args":\["run","--namespace","guard",/);
    assert.match(text, /"replicas":3/);
  });

  for (const wrong of [
    '-n Bad_NS',
    '-n ',
    '--image ',
    '--image a,b',
    '--replicas 86400',
    '--replicas 0x2',
  ]) {
    it(`prints no manifest for the invalid option \`${wrong}\``, async () => {
      const { code, out, err } = await invoke(new FakeCluster(), `install --dry-run ${wrong}`, NOW);
      assert.deepEqual([code, out], [2, '']);
      assert.match(err, /^Error: option '.*' argument '.*' is invalid\. .*\nHint:/);
    });
  }

  for (const image of [
    'op',
    'op:1',
    'localhost:5000/a/op',
    `ghcr.io/a-b/op_c:v1.0@sha256:${'a'.repeat(64)}`,
  ]) {
    it(`accepts the image ${image}`, async () => {
      const { code, out } = await invoke(
        new FakeCluster(),
        `install --dry-run --image ${image}`,
        NOW,
      );
      assert.equal(code, 0);
      assert.ok(out.includes(`image: ${image}\n`));
    });
  }

  it('applies the CRDs, waits for them, then the namespace, permissions and the operator', async () => {
    const cluster = new FakeCluster();
    cluster.react = finish;
    const { code, out, err } = await invoke(cluster, 'install', NOW);
    assert.equal(code, 0, err);
    assert.deepEqual(
      written(cluster, 'PATCH').map((path) => path.split('/')[0]),
      [
        ...Array.from({ length: KINDS.length }, () => 'customresourcedefinitions'),
        'namespaces',
        'serviceaccounts',
        'clusterroles',
        'clusterrolebindings',
        'roles',
        'rolebindings',
        'clusterroles',
        'clusterroles',
        'clusterroles',
        'clusterroles',
        'services',
        'deployments',
        'poddisruptionbudgets',
      ],
    );
    assert.match(out, /^customresourcedefinition\/changepolicies\.altershield\.io created$/m);
    assert.match(err, /waiting for the kinds to be served …\ndone after/);
  });

  it('reports up-to-date objects as unchanged', async () => {
    const cluster = new FakeCluster();
    cluster.react = finish;
    await invoke(cluster, 'install', NOW);
    const { out } = await invoke(cluster, 'install', NOW);
    const outcomes = new Set(out.split('\n').map((line) => line.split(' ')[1]));
    assert.deepEqual([...outcomes], ['unchanged']);
  });

  it('does not change a namespace that another client created', async () => {
    const cluster = new FakeCluster().put('/api/v1/namespaces', {
      kind: 'Namespace',
      metadata: { name: 'altershield-system' },
    });
    cluster.served.clear();
    cluster.react = finish;
    const { out } = await invoke(cluster, 'install', NOW);
    assert.match(out, /^namespace\/altershield-system is there already; left as it is$/m);
    assert.ok(!written(cluster, 'PATCH').includes('namespaces/altershield-system'));
  });

  it('rejects a second operator in one cluster', async () => {
    const cluster = new FakeCluster();
    cluster.react = finish;
    await invoke(cluster, 'install', NOW);
    const { code, err } = await invoke(cluster, 'install -n other', NOW);
    assert.equal(code, 1);
    assert.match(err, /installed in namespace altershield-system already/);
  });

  it('names the object that is not ready in time', async () => {
    const { code, err } = await invoke(new FakeCluster(), 'install --timeout 1', NOW);
    assert.equal(code, 5);
    assert.match(err, /longer than 1 s \(customresourcedefinition\/changepolicies/);
  });
});

describe('the wait of install', () => {
  const PODS = '/api/v1/namespaces/altershield-system/pods';

  it('ends with the reason of the pod when the image cannot be pulled', async () => {
    const cluster = new FakeCluster().put(PODS, {
      metadata: { name: 'altershield-1', labels: { 'app.kubernetes.io/name': 'altershield' } },
      spec: { containers: [{ image: 'registry/op:2' }] },
      status: {
        containerStatuses: [{ state: { waiting: { reason: 'ErrImageNeverPull', message: 'no' } } }],
      },
    });
    // The CRDs are served; the Deployment stays as it was applied.
    cluster.react = (object) => (object['kind'] === 'Deployment' ? undefined : finish(object));
    const { code, err } = await invoke(cluster, 'install --image registry/op:2', NOW);
    assert.equal(code, 1, err);
    assert.match(
      err,
      /registry\/op:2 cannot be pulled: pod altershield-1: ErrImageNeverPull: no\n.*run `altershield install` again/,
    );
  });

  it('ends with the reason of the Deployment when its controller gives up', async () => {
    const cluster = new FakeCluster();
    const conditions = [
      { type: 'Progressing', reason: 'ProgressDeadlineExceeded', message: 'late' },
    ];
    cluster.react = (object) =>
      object['kind'] === 'Deployment' ? { ...object, status: { conditions } } : finish(object);
    const { code, err } = await invoke(cluster, 'install', NOW);
    assert.equal(code, 1);
    assert.match(err, /the operator does not get ready: late/);
  });
});

describe('uninstall', () => {
  const installed = async (): Promise<FakeCluster> => {
    const cluster = new FakeCluster();
    cluster.react = finish;
    await invoke(cluster, 'install', NOW);
    cluster.react = () => undefined;
    return cluster
      .put(HOOKS, { metadata: { name: 'altershield' } })
      .put(BINDINGS, { metadata: { name: 'altershield-release' } })
      .put(LEASES, { metadata: { name: 'altershield' } })
      .put(SECRETS, { metadata: { name: 'altershield-webhook' } })
      .put(SECRETS, { metadata: { name: 'altershield-seal' } })
      .put(`${OURS}/changeworkloads`, aChange({ phase: 'Success' }))
      .put('/apis/apps/v1/namespaces/shop/deployments', { metadata: { name: 'free' } });
  };

  it('deletes admission first and keeps the CRDs', async () => {
    const cluster = await installed();
    const { code, out, err } = await invoke(cluster, 'uninstall --timeout 1', NOW);
    assert.equal(code, 0, err);
    assert.deepEqual(out.split('\n').slice(0, 3), [
      'mutatingwebhookconfiguration/altershield deleted',
      'mutatingadmissionpolicybinding/altershield-release deleted',
      'deployment/altershield deleted',
    ]);
    assert.match(out, /^lease\/altershield deleted$/m);
    assert.match(out, /^secret\/altershield-webhook deleted$/m);
    assert.doesNotMatch(out, /customresourcedefinition|namespace|altershield-seal/);
    assert.match(err, /The CRDs and namespace altershield-system stay/);
  });

  it('deletes the CRDs, the key and the namespace last with --crds', async () => {
    const cluster = await installed();
    const { out } = await invoke(cluster, 'uninstall --crds --timeout 1', NOW);
    const kinds = out.split('\n').map((line) => line.split('/')[0]);
    const crds = Array.from({ length: 3 }, () => 'customresourcedefinition');
    assert.deepEqual(kinds.slice(-5), [...crds, 'secret', 'namespace']);
  });

  it('deletes no object of an operator in another namespace', async () => {
    const cluster = await installed();
    const { code, err } = await invoke(cluster, 'uninstall -n other --force --crds', NOW);
    assert.equal(code, 3);
    assert.match(err, /installed in namespace altershield-system, not in other/);
    assert.deepEqual(written(cluster, 'DELETE'), []);
  });

  it('fails while a workload is held, and names it', async () => {
    const cluster = (await installed()).put('/apis/apps/v1/namespaces/shop/deployments', {
      metadata: { name: 'held', namespace: 'shop', annotations: { 'altershield.io/hold': '{}' } },
    });
    const { code, out, err } = await invoke(cluster, 'uninstall', NOW);
    assert.equal(code, 1);
    assert.match(err, /deploy\/held in shop: held/);
    assert.match(err, /nothing was deleted: 1 change in flight/);
    assert.equal(out, '');
    assert.deepEqual(written(cluster, 'DELETE'), []);
  });

  it('fails while a workload is under a cap, and ignores one at rest', async () => {
    const cluster = await installed();
    for (const [name, release] of [
      ['held', 'v1/-/0/10'],
      ['rest', 'v1//0/10'],
      ['kept', 'v1/-/0/10'],
    ]) {
      const annotations = { 'altershield.io/release': release };
      const metadata = { name, namespace: 'shop', annotations };
      const status = { updatedReplicas: name === 'held' ? 0 : 10 };
      const deployment = { metadata, spec: { replicas: 10 }, status };
      cluster.put('/apis/apps/v1/namespaces/shop/deployments', deployment);
    }
    const { code, err } = await invoke(cluster, 'uninstall', NOW);
    assert.equal(code, 1);
    assert.match(err, /nothing was deleted: 1 change in flight/);
    assert.match(err, /deploy\/held in shop: held/);
  });

  it('fails while a change is in flight', async () => {
    const cluster = (await installed()).put(
      `${OURS}/changeworkloads`,
      aChange({ phase: 'Suspend' }),
    );
    const { code, err } = await invoke(cluster, 'uninstall', NOW);
    assert.equal(code, 1);
    assert.match(err, /deploy\/checkout in shop: Suspend/);
  });

  it('continues with --force', async () => {
    const cluster = (await installed()).put(
      `${OURS}/changeworkloads`,
      aChange({ phase: 'Suspend' }),
    );
    const { code, out, err } = await invoke(cluster, 'uninstall --force --timeout 1', NOW);
    assert.equal(code, 0);
    assert.match(err, /in progress and are released in full \(docs\/release-control\.md/);
    assert.match(out, /deployment\/altershield deleted/);
  });

  it('restores the Services that select one revision, and no others', async () => {
    const SERVICES = '/api/v1/namespaces/shop/services';
    const selector = { app: 'checkout' };
    const one = { ...selector, 'pod-template-hash': 'abc' };
    const annotations = { 'altershield.io/traffic': 'abc' };
    const service = (name: string, spec: object, marks = {}) => ({
      metadata: { name, namespace: 'shop', ...marks },
      spec,
    });
    const cluster = (await installed())
      .put(SERVICES, service('switched', { selector: one }, { annotations }))
      .put(SERVICES, service('chosen-by-user', { selector: one }))
      .put(SERVICES, service('other', { selector }));
    const { code, out, err } = await invoke(cluster, 'uninstall --timeout 1', NOW);
    assert.equal(code, 0, err);
    const restored = out.split('\n').filter((line) => line.endsWith(' restored'));
    assert.deepEqual(restored, ['service/switched restored']);
    const patched = cluster.requests.filter(
      ({ method, path }) => method === 'PATCH' && path.startsWith(`${SERVICES}/`),
    );
    assert.deepEqual(
      patched.map(({ path }) => path),
      [`${SERVICES}/switched`],
    );
    const sent = patched[0]?.body;
    assert.deepEqual(sent, [
      { op: 'test', path: '/metadata/uid', value: 'uid-switched' },
      { op: 'test', path: '/spec/selector', value: one },
      { op: 'remove', path: '/spec/selector/pod-template-hash' },
      { op: 'remove', path: '/metadata/annotations/altershield.io~1traffic' },
    ]);
  });

  it('prints the remaining steps when a Service cannot be restored', async () => {
    const annotations = { 'altershield.io/traffic': 'abc' };
    const spec = { selector: { app: 'checkout', 'pod-template-hash': 'abc' } };
    const cluster = (await installed()).put('/api/v1/namespaces/shop/services', {
      metadata: { name: 'switched', namespace: 'shop', annotations },
      spec,
    });
    const denial = { status: 403, reason: 'Forbidden', message: 'no' };
    cluster.denials.set(/^PATCH .*\/services\//, denial);
    const { code, out, err } = await invoke(cluster, 'uninstall --timeout 1', NOW);
    assert.equal(code, 0);
    assert.match(err, /service\/switched still sends requests to one revision: .*no/);
    assert.match(
      err,
      /Hint: apply its manifest again, or run `kubectl edit service\/switched -n shop`/,
    );
    assert.match(out, /clusterrole\/altershield deleted/);
  });

  it('removes a partial installation', async () => {
    const cluster = new FakeCluster().put(OPERATOR_DEPLOYMENTS, {
      metadata: { name: 'altershield' },
    });
    cluster.put(`${OURS}/changepolicies`, aPolicy('web'));
    const { code, out, err } = await invoke(cluster, 'uninstall --timeout 1', NOW);
    assert.equal(code, 0);
    assert.equal(out, 'deployment/altershield deleted');
    assert.match(err, /The CRDs are not installed/);
  });
});

const WEBHOOKS = ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'];

const CHANGE_POLICIES = ['mutating', 'validating'].flatMap((type) =>
  ['policies', 'policybindings'].map((what) => `${type}admission${what}`),
);

/** The verbs that the operator's code calls; a new one needs a caller first. */
const USED = {
  get: [
    ...['namespaces', 'deployments', 'statefulsets', 'daemonsets', 'cronjobs', 'changepods'],
    ...[...WEBHOOKS, ...CHANGE_POLICIES],
    ...['leases', 'secrets', 'secrets'],
  ],
  patch: [
    ...['events', 'deployments', 'deployments/status', 'replicasets', 'statefulsets', 'daemonsets'],
    ...['cronjobs', 'jobs', 'httproutes'],
    ...['changepolicies/status', 'changeworkloads/status', 'changepods/status'],
    ...['changeapprovals/status', 'metricsources/status', 'services'],
    ...[...WEBHOOKS, ...CHANGE_POLICIES, 'leases', 'secrets'],
  ],
  delete: ['changeworkloads', 'pods', 'jobs'],
};

describe('the manifests', () => {
  const objects = installManifests(DEFAULT_OPTIONS);
  const text = JSON.stringify(objects);

  it('contain no wildcard', () => {
    assert.doesNotMatch(text, /"\*"/);
  });

  it('never let the operator read Secrets of other namespaces', () => {
    const cluster = objects.find(
      ({ kind, metadata }) => kind === 'ClusterRole' && metadata.name === 'altershield',
    );
    assert.doesNotMatch(JSON.stringify(cluster), /secrets/);
  });

  it('let editors of a namespace decide on changes, its administrators write policies, and neither approve', () => {
    const writers = objects
      .filter(({ kind, metadata }) => kind === 'ClusterRole' && metadata.name !== 'altershield')
      .map(({ metadata, rules }) => {
        const text = JSON.stringify(rules);
        const into = Object.keys(metadata.labels ?? {}).filter((label) =>
          label.includes('/aggregate'),
        );
        const [what = ''] = /"changepolicies"|"changeapprovals"/.exec(text) ?? [];
        const isWriter = /"(?:create|update|patch|delete)"/.test(text);
        return [into.join(), what, isWriter, text.includes('"approve"')];
      });
    const aggregate = 'rbac.authorization.k8s.io/aggregate-to';
    assert.deepEqual(writers, [
      [`${aggregate}-view`, '"changepolicies"', false, false],
      [`${aggregate}-edit`, '"changeapprovals"', true, false],
      [`${aggregate}-admin`, '"changepolicies"', true, false],
      ['', '"changeapprovals"', true, true],
    ]);
  });

  it('let the operator read, edit and delete only the objects that it uses', () => {
    const allowed = [...OPERATOR_RULES, ...OWN_NAMESPACE_RULES].flatMap(({ resources, verbs }) =>
      resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`)),
    );
    for (const [verb, used] of Object.entries(USED)) {
      assert.deepEqual(
        allowed.filter((each) => each.startsWith(`${verb} `)).sort(),
        used.map((resource) => `${verb} ${resource}`).sort(),
      );
    }
  });

  it('let the operator run without privileges', () => {
    for (const needed of [
      '"runAsNonRoot":true',
      '"readOnlyRootFilesystem":true',
      '"allowPrivilegeEscalation":false',
      '"drop":["ALL"]',
      '"type":"RuntimeDefault"',
      '"pod-security.kubernetes.io/enforce":"restricted"',
    ]) {
      assert.ok(text.includes(needed), needed);
    }
  });

  it('select the pods of the operator by the same labels everywhere', () => {
    const selectors = text.match(/"(?:selector|matchLabels)":\{"app[^}]*\}/g) ?? [];
    assert.equal(new Set(selectors.map((each) => each.replace(/^"\w+":/, ''))).size, 1);
    assert.equal(selectors.length, 5);
  });
});
