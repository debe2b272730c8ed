// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { API_VERSION } from '@altershield/api';
import { FakeCluster, invoke } from '@altershield/testing/fake-cluster';
import {
  aBatch,
  aChange,
  aFailedBatch,
  aPolicy,
  aRefusedChange,
  at,
} from '@altershield/testing/stored-objects';
import { RELEASE } from '../version.ts';

const NOW = Date.parse(at(120));
const OURS = '/apis/altershield.io/v1alpha1/namespaces/shop';
const CHANGE_WORKLOADS = `${OURS}/changeworkloads`;
const CHANGE_PODS = `${OURS}/changepods`;

const labeled = <T extends { metadata: object }>(object: T, change: string): T => ({
  ...object,
  metadata: { ...object.metadata, labels: { 'altershield.io/change': change } },
});

/** A cluster with a quarantined change of `checkout` and an older successful one. */
const aCluster = (): FakeCluster =>
  new FakeCluster()
    .put(CHANGE_WORKLOADS, aRefusedChange())
    .put(CHANGE_WORKLOADS, aChange({ phase: 'Success' }, { sequence: 6, detectedAt: at(-600) }))
    .put(CHANGE_PODS, labeled(aFailedBatch(), 'checkout-7'))
    .put(CHANGE_PODS, labeled(aBatch(undefined, { batch: 2 }), 'another'));

describe('get', () => {
  it('lists changes with their batches', async () => {
    const { code, out } = await invoke(aCluster(), 'get', NOW);
    assert.equal(code, 0);
    assert.match(out, /↺ deploy\/checkout #7 .*\n {4}CheckFailed: .*\n {2}[└├]─ ✖ batch 1\/3/);
    assert.ok(out.indexOf('#6') < out.indexOf('#7'), 'newest last');
  });

  it('prints machine-readable output', async () => {
    const { out } = await invoke(aCluster(), 'get changes -o json', NOW);
    const list: unknown = JSON.parse(out);
    assert.ok(typeof list === 'object' && list !== null && 'items' in list);
    assert.ok(Array.isArray(list.items));
    assert.equal(list.items.length, 4);
  });

  it('prints each workload once as a name, for completion', async () => {
    const { out } = await invoke(aCluster(), 'get changes -o name', NOW);
    assert.equal(out, 'deploy/checkout');
  });

  it('lists policies as YAML', async () => {
    const cluster = aCluster().put(`${OURS}/changepolicies`, aPolicy('web'));
    const { out } = await invoke(cluster, 'get policies -o yaml', NOW);
    assert.match(out, /^apiVersion: v1\nkind: List\nitems:\n {2}- apiVersion/);
  });

  const LEASES = '/apis/coordination.k8s.io/v1/namespaces/altershield-system/leases';
  const aLease = (secondsAgo: number, holderIdentity = 'a') => {
    const renewTime = new Date(NOW - secondsAgo * 1000).toISOString();
    return {
      metadata: { name: 'altershield' },
      spec: { holderIdentity, leaseDurationSeconds: 15, renewTime },
    };
  };

  it('selects by name, phase and time', async () => {
    const web = { ...aChange().spec.target, name: 'web', uid: 'uid-of-web' };
    const cluster = aCluster()
      .put(LEASES, aLease(1))
      .put(CHANGE_WORKLOADS, aChange({ phase: 'Suspend' }, { target: web, sequence: 2 }));
    const TABLE: Readonly<Record<string, readonly string[]>> = {
      'get changes': ['checkout #6', 'checkout #7', 'web #2'],
      'get changes web': ['web #2'],
      'get changes deploy/checkout': ['checkout #6', 'checkout #7'],
      'get changes checkout-6': ['checkout #6'],
      'get --phase suspend': ['web #2'],
      'get --phase Success,RolledBack': ['checkout #6', 'checkout #7'],
      'get --since 5m': ['checkout #7', 'web #2'],
      'get changes checkout --since 5m --phase Success': [],
    };
    for (const [line, expected] of Object.entries(TABLE)) {
      const { code, out, err } = await invoke(cluster, line, NOW);
      assert.equal(code, 0, err);
      const found = [...out.matchAll(/(?<=deploy\/)\w+ #\d+/g)].map(([name]) => name);
      assert.deepEqual(found.toSorted(), expected, line);
      if (expected.length === 0) assert.match(err, /^No such changes in namespace shop/);
    }
  });

  it('denies a phase or a time that does not exist', async () => {
    for (const line of ['get --phase Done', 'get --since yesterday']) {
      assert.equal((await invoke(aCluster(), line, NOW)).code, 2);
    }
  });

  it('warns when no operator runs', async () => {
    const alive = await invoke(aCluster().put(LEASES, aLease(5)), 'get', NOW);
    assert.equal(alive.err, '');
    const dead = await invoke(aCluster().put(LEASES, aLease(600)), 'get', NOW);
    assert.match(dead.err, /^Warning: No operator has been alive .* for 9m45s/);
    assert.match(dead.out, /deploy\/checkout #7/);
    const stopped = await invoke(aCluster().put(LEASES, aLease(5, '')), 'get', NOW);
    assert.match(stopped.err, /^Warning: No operator has been alive/);
    const never = await invoke(aCluster().put(LEASES, { metadata: { name: 'x' } }), 'get', NOW);
    assert.match(never.err, /^Warning: No operator has run in namespace altershield-system/);
  });

  it('gives no warning when the Lease cannot be read', async () => {
    const cluster = aCluster();
    const message = 'leases is forbidden: User "eve" cannot get resource';
    cluster.denials.set(/leases/, { status: 403, reason: 'Forbidden', message });
    const { code, err } = await invoke(cluster, 'get', NOW);
    assert.deepEqual([code, err], [0, '']);
  });

  it('reports an empty result on stderr, and succeeds', async () => {
    const cluster = aCluster().put(LEASES, aLease(1));
    const outcome = await invoke(cluster, 'get changes -n empty', NOW);
    assert.deepEqual(outcome, {
      code: 0,
      out: '',
      err: 'No changes in namespace empty (-A: everywhere).',
    });
  });

  it('gives a hint when the CRDs are not installed', async () => {
    const { code, err } = await invoke(new FakeCluster(), 'get', NOW);
    assert.equal(code, 3);
    assert.match(
      err,
      /CRDs of altershield\.io are not installed in this cluster\nHint: {2}run `altershield install`/,
    );
  });

  it('names the denied call and the role that allows it', async () => {
    const cluster = aCluster();
    const message =
      'changeworkloads.altershield.io is forbidden: User "eve" cannot list resource "changeworkloads"';
    cluster.denials.set(/changeworkloads/, { status: 403, reason: 'Forbidden', message });
    const { code, err } = await invoke(cluster, 'get', NOW);
    assert.equal(code, 4);
    assert.match(err, /not allowed: .*"eve" cannot list.*\nHint: .*altershield-view/);
  });

  it('rejects an unknown kind', async () => {
    const { code, err } = await invoke(aCluster(), 'get pods', NOW);
    assert.equal(code, 2);
    assert.match(err, /cannot get "pods"/);
  });
});

describe('why', () => {
  it('selects the newest change of a workload, with its own batches only', async () => {
    const { code, out } = await invoke(aCluster(), 'why deploy/checkout', NOW);
    assert.equal(code, 0);
    assert.match(out, /^↺ deploy\/checkout in shop: change 7 was rolled back/);
    assert.match(out, /✖ 1 of 3/);
    assert.doesNotMatch(out, /2 of 3 {2}1 pod/);
    assert.match(out, /Other changes\n {2}✔ #6/);
  });

  it('accepts the name of a change as kubectl prints it', async () => {
    for (const target of ['change/checkout-6', 'changeworkload.altershield.io/checkout-6']) {
      const { out } = await invoke(aCluster(), `why ${target}`, NOW);
      assert.match(out, /change 6 succeeded/);
    }
  });

  it('prints the change and its batches for programs', async () => {
    const { out } = await invoke(aCluster(), 'why deploy checkout -o json', NOW);
    const story: unknown = JSON.parse(out);
    assert.ok(typeof story === 'object' && story !== null);
    assert.deepEqual(Object.keys(story), ['change', 'batches']);
  });

  const DEPLOYMENTS = '/apis/apps/v1/namespaces/shop/deployments';
  const other = {
    metadata: { name: 'other', namespace: 'shop', labels: { tier: 'db' } },
    spec: {},
  };
  const withOther = (): FakeCluster =>
    aCluster()
      .put(DEPLOYMENTS, other)
      .put('/api/v1/namespaces', { metadata: { name: 'shop' } });

  it('reports a missing workload', async () => {
    const { code, err } = await invoke(withOther(), 'why deploy/missing', NOW);
    assert.equal(code, 3);
    assert.equal(err, 'Error: deploy/missing not found in namespace shop');
  });

  it('explains why no policy matches a workload', async () => {
    const web = aPolicy('web', undefined, {
      target: { selector: { matchLabels: { tier: 'web' } } },
    });
    const cluster = withOther().put(`${OURS}/changepolicies`, web);
    const { code, err } = await invoke(cluster, 'why deploy/other', NOW);
    assert.equal(code, 3);
    assert.match(
      err,
      /no policy matches deploy\/other in namespace shop: policy shop\/web: its selector does not match\n/,
    );
  });

  it('explains that the template of a matched workload has not changed', async () => {
    const cluster = withOther().put(`${OURS}/changepolicies`, aPolicy('all'));
    const { code, err } = await invoke(cluster, 'why deploy/other', NOW);
    assert.equal(code, 3);
    assert.match(
      err,
      /no change of deploy\/other .* is recorded\nHint: {2}policy shop\/all matches it/,
    );
  });

  it('does not claim that no policy matches when some cannot be read', async () => {
    const cluster = withOther().put(
      `${OURS}/changepolicies`,
      aPolicy('web', undefined, {
        target: { selector: { matchLabels: { tier: 'web' } } },
      }),
    );
    const message = 'changepolicies is forbidden: User "eve" cannot list resource';
    cluster.denials.set(/altershield-system\/changepolicies/, {
      status: 403,
      reason: 'Forbidden',
      message,
    });
    const { err } = await invoke(cluster, 'why deploy/other', NOW);
    assert.match(err, /no change of deploy\/other .* is recorded: .* cannot be read/);
  });

  it('reports a missing change', async () => {
    const { code, err } = await invoke(aCluster(), 'why change/none', NOW);
    assert.equal(code, 3);
    assert.match(err, /change\/none not found in namespace shop/);
  });

  it('accepts the bare name of a change, as denials print it', async () => {
    const { out } = await invoke(aCluster(), 'why checkout-6', NOW);
    assert.match(out, /change 6 succeeded/);
    const { code, err } = await invoke(aCluster(), 'why checkout', NOW);
    assert.equal(code, 3);
    assert.match(err, /name a workload as deploy\/checkout/);
  });

  for (const target of [
    'deploy',
    'Deployment',
    'change',
    'pod/checkout',
    'deploy/',
    'deploy/a/b',
    'deploy a b',
  ]) {
    it(`rejects the ambiguous target "${target}"`, async () => {
      const { code, err } = await invoke(aCluster(), `why ${target}`, NOW);
      assert.equal(code, 2);
      assert.match(err, /Hint: .*deploy\/NAME/);
    });
  }
});

describe('a decision', () => {
  const SUSPENDED = aChange({ phase: 'Suspend', reason: 'CheckInconclusive', phaseSince: at(60) });
  const decisionOf = (cluster: FakeCluster): unknown =>
    cluster.requests.find(({ method }) => method === 'POST')?.body;

  /** An operator that answers every decision at once, and moves the change. */
  const answering =
    (cluster: FakeCluster, phase: string, status = 'True') =>
    (decision: object): never => {
      const { spec } = decision as { spec: { change: { name: string } } };
      const path = `${CHANGE_WORKLOADS}/${spec.change.name}`;
      const change = cluster.objects.get(path) ?? assert.fail('the change exists');
      cluster.objects.put(path, { ...change, status: { ...Object(change['status']), phase } });
      const condition = { type: 'Effective', status, reason: 'CarriedOut', message: 'so it is' };
      return { ...decision, status: { conditions: [condition] } } as never;
    };

  const reacting = (cluster: FakeCluster, phase: string, status?: string): FakeCluster => {
    cluster.react = answering(cluster, phase, status);
    return cluster;
  };

  it('creates a decision on the change that was read, and prints the result', async () => {
    const cluster = reacting(new FakeCluster().put(CHANGE_WORKLOADS, SUSPENDED), 'Running');
    const { code, out, err } = await invoke(cluster, 'resume deploy/checkout --reason flaky', NOW);
    assert.equal(code, 0, err);
    assert.match(out, /^● deploy\/checkout in shop: change 7 is being released/);
    const change = { name: 'checkout-7', uid: 'uid-checkout-7' };
    const owner = { apiVersion: API_VERSION, kind: 'ChangeWorkload', ...change };
    assert.deepEqual(decisionOf(cluster), {
      apiVersion: API_VERSION,
      kind: 'ChangeApproval',
      metadata: { generateName: 'checkout-7-', namespace: 'shop', ownerReferences: [owner] },
      spec: { change, decision: 'Resume', reason: 'flaky' },
    });
  });

  it('approves a batch for a time', async () => {
    const waiting = aChange({ phase: 'Init', reason: 'AwaitingApproval' });
    const cluster = reacting(new FakeCluster().put(CHANGE_WORKLOADS, waiting), 'Running');
    const line = 'approve change/checkout-7 --batch 2 --expires 1h';
    const { code, out } = await invoke(cluster, line, NOW);
    assert.equal(code, 0);
    assert.match(out, /Approved: so it is\./);
    const { spec } = decisionOf(cluster) as { spec: object };
    assert.deepEqual(spec, {
      change: { name: 'checkout-7', uid: 'uid-checkout-7' },
      decision: 'Approve',
      batch: 2,
      expiresAt: '2026-01-01T11:02:00.000Z',
    });
  });

  it('names the batch that it approves', async () => {
    const batch = { index: 2, total: 3, target: 5 };
    const waiting = aChange({ phase: 'Init', reason: 'AwaitingApproval', batch });
    const cluster = reacting(new FakeCluster().put(CHANGE_WORKLOADS, waiting), 'Running');
    const { err } = await invoke(cluster, 'approve change/checkout-7 --batch 2', NOW);
    assert.match(err, /^Approve of batch 2 of 3 of deploy\/checkout change 7 recorded/);
    const pending = new FakeCluster().put(CHANGE_WORKLOADS, waiting).put(CHANGE_PODS, aBatch());
    const { out } = await invoke(pending, 'why deploy/checkout', NOW);
    assert.match(out, /altershield approve .* release batch 2 of 3 \(not as the user/);
  });

  it('shows who may approve a waiting change, and the command', async () => {
    const message = 'the change needs 1 approval of group sre';
    const waiting = aChange({ phase: 'Init', reason: 'AwaitingApproval', message });
    const cluster = new FakeCluster().put(CHANGE_WORKLOADS, waiting).put(CHANGE_PODS, aBatch());
    const { out } = await invoke(cluster, 'why deploy/checkout', NOW);
    assert.match(out, /change 7 has waited for approval for/);
    assert.match(out, /AwaitingApproval: the change needs 1 approval of group sre/);
    assert.match(out, /altershield approve change\/checkout-7 -n shop/);
  });

  it('is rejected with the status of the change when it does not apply', async () => {
    const TABLE = [
      ['resume', /cannot resume change 7 of deploy\/checkout: it is RolledBack/],
      ['rollback', /cannot roll back change 7 .*: it ended \(RolledBack\)/],
    ] as const;
    for (const [verb, message] of TABLE) {
      const cluster = aCluster();
      const { code, err } = await invoke(cluster, `${verb} deploy/checkout`, NOW);
      assert.equal(code, 3);
      assert.match(err, message);
      assert.equal(decisionOf(cluster), undefined);
    }
  });

  it('finds the quarantined revision behind newer changes', async () => {
    const cluster = aCluster().put(
      CHANGE_WORKLOADS,
      aChange({ phase: 'Success' }, { sequence: 8, detectedAt: at(60) }),
    );
    reacting(cluster, 'RolledBack');
    const { code } = await invoke(cluster, 'lift deploy/checkout', NOW);
    assert.equal(code, 0);
    const { spec } = decisionOf(cluster) as { spec: { change: { name: string } } };
    assert.equal(spec.change.name, 'checkout-7');
  });

  it('ignores a record that is being deleted, as the operator does', async () => {
    const deletionTimestamp = at(90);
    const leaving = { ...SUSPENDED, metadata: { ...SUSPENDED.metadata, deletionTimestamp } };
    const anew = aChange({ phase: 'Running' }, { sequence: 8, detectedAt: at(90) });
    const good = aChange({ phase: 'Success' }, { sequence: 6, detectedAt: at(-60) });
    const cluster = new FakeCluster().put(CHANGE_WORKLOADS, leaving).put(CHANGE_PODS, aBatch());
    for (const [target, message] of [
      ['checkout-7', /cannot resume change 7 of deploy\/checkout: it is being deleted/],
      ['deploy/checkout', /deploy\/checkout not found in namespace shop/],
    ] as const) {
      const { code, err } = await invoke(cluster, `resume ${target}`, NOW);
      assert.equal(code, 3);
      assert.match(err, message);
    }
    cluster.put(CHANGE_WORKLOADS, good);
    assert.match((await invoke(cluster, 'why deploy/checkout', NOW)).out, /change 6/);
    cluster.put(CHANGE_WORKLOADS, anew);
    const { err } = await invoke(cluster, 'resume deploy/checkout', NOW);
    assert.match(err, /cannot resume change 8 of deploy\/checkout: it is Running/);
    assert.equal(decisionOf(cluster), undefined);
  });

  it('rolls back the newest change even after its success, but no older one', async () => {
    const good = aChange({ phase: 'Success' }, { sequence: 8, detectedAt: at(60) });
    const cluster = reacting(aCluster().put(CHANGE_WORKLOADS, good), 'RollingBack');
    const { code, out } = await invoke(cluster, 'rollback deploy/checkout', NOW);
    assert.equal(code, 0);
    assert.match(out, /change 8 is rolling back/);
  });

  it('does not roll back to a revision that was never verified', async () => {
    const { from } = SUSPENDED.spec;
    assert.ok(from);
    const spec = { ...SUSPENDED.spec, from: { ...from, verified: false } };
    const cluster = new FakeCluster().put(CHANGE_WORKLOADS, { ...SUSPENDED, spec });
    const { code, err } = await invoke(cluster, 'rollback deploy/checkout', NOW);
    assert.equal(code, 3);
    assert.match(err, /was never verified/);
  });

  it('fails when the operator rejects the decision', async () => {
    const stored = new FakeCluster().put(CHANGE_WORKLOADS, SUSPENDED);
    const cluster = reacting(stored, 'Suspend', 'False');
    const { code, err } = await invoke(cluster, 'resume deploy/checkout', NOW);
    assert.equal(code, 1);
    assert.match(
      err,
      /had no effect: so it is\n▲ deploy\/checkout in shop: change 7 has been suspended/,
    );
  });

  it('does not lift an expired or lifted quarantine', async () => {
    const { code, err } = await invoke(aCluster(), 'lift deploy/checkout', NOW + 1e9);
    assert.equal(code, 3);
    assert.match(err, /is not quarantined, so there is nothing to lift/);
  });

  it('does not roll back the creation of a workload', async () => {
    const { from: _, ...spec } = SUSPENDED.spec;
    const cluster = new FakeCluster().put(CHANGE_WORKLOADS, { ...SUSPENDED, spec });
    const { code, err } = await invoke(cluster, 'rollback deploy/checkout', NOW);
    assert.equal(code, 3);
    assert.match(err, /it created the workload/);
  });

  it('reports a recorded decision when the operator does not act in time', async () => {
    const cluster = new FakeCluster().put(CHANGE_WORKLOADS, SUSPENDED);
    const { code, err } = await invoke(cluster, 'resume deploy/checkout --timeout 1', NOW);
    assert.equal(code, 5);
    assert.match(err, /recorded, but the operator did not act on it within 1 s/);
  });

  it('shows the denial of a webhook as it is', async () => {
    const cluster = new FakeCluster().put(CHANGE_WORKLOADS, SUSPENDED);
    const message = 'admission webhook "decisions" denied the request: bob may not decide';
    cluster.denials.set(/^POST/, { status: 403, reason: 'Forbidden', message });
    const { code, err } = await invoke(cluster, 'resume deploy/checkout', NOW);
    assert.equal(code, 1);
    assert.match(err, /denied: admission webhook "decisions" denied/);
  });

  it('denies a timeout that is not a valid duration', async () => {
    const { code, err } = await invoke(aCluster(), 'resume deploy/checkout --timeout soon', NOW);
    assert.equal(code, 2);
    assert.match(err, /duration like 90, 90s, 10m/);
  });
});

describe('why, while a change is in flight', () => {
  const found = async (uid: string): Promise<string> => {
    const cluster = new FakeCluster()
      .put(`${OURS}/changeworkloads`, aChange({}))
      .put(`${OURS}/changepods`, {
        ...aBatch({ verdict: 'Pending' }),
        metadata: {
          ...aBatch().metadata,
          labels: { 'altershield.io/change': aChange().metadata.name },
        },
      })
      .put('/apis/apps/v1/namespaces/shop/deployments', {
        metadata: { name: 'checkout', namespace: 'shop', uid },
        status: { updatedReplicas: 1, readyReplicas: 9, replicas: 10 },
      });
    return (await invoke(cluster, 'why deploy/checkout', NOW)).out;
  };

  it('shows the current pods of the workload', async () => {
    assert.match(await found('uid-of-checkout'), /now 1 updated; 9 of 10 pods are ready/);
  });

  it('distinguishes another object of that name', async () => {
    assert.doesNotMatch(await found('another'), /pods are ready/);
  });
});

describe('version', () => {
  it('prints client, server and operator versions', async () => {
    const operator = {
      metadata: { name: 'altershield' },
      spec: { replicas: 2, template: { spec: { containers: [{ image: 'x:1' }] } } },
      status: { readyReplicas: 1 },
    };
    const cluster = new FakeCluster().put(
      '/apis/apps/v1/namespaces/altershield-system/deployments',
      operator,
    );
    const { out } = await invoke(cluster, 'version', NOW);
    assert.deepEqual(out.split('\n'), [
      `client    ${RELEASE}`,
      'server    Kubernetes v1.36.3',
      'operator  x:1 (1 of 2 ready)',
      'clamp     none: changes in flight are not held',
    ]);
  });

  it('shows how changes are held while no operator runs, if the user may read it', async () => {
    const admission = '/apis/admissionregistration.k8s.io/v1';
    const leases = '/apis/coordination.k8s.io/v1/namespaces/altershield-system/leases';
    const renewTime = new Date(NOW - 5000).toISOString();
    const spec = { holderIdentity: 'a', leaseDurationSeconds: 15, renewTime };
    const cluster = new FakeCluster().put(leases, { metadata: { name: 'altershield' }, spec });
    const told = async () => (await invoke(cluster, 'version', NOW)).out.split('\n')[3];
    const webhooks = [{ name: 'in-flight.replicaset.altershield.io' }];
    const configuration = { metadata: { name: 'altershield' }, webhooks };
    cluster.put(`${admission}/mutatingwebhookconfigurations`, configuration);
    assert.equal(await told(), 'clamp     webhook');
    const native = { metadata: { name: 'altershield-release' } };
    cluster.put(`${admission}/mutatingadmissionpolicies`, native);
    assert.equal(await told(), 'clamp     webhook', 'a policy without its binding has no effect');
    cluster.put(`${admission}/mutatingadmissionpolicybindings`, native);
    assert.equal(await told(), 'clamp     API server (MutatingAdmissionPolicy)');
    const denial = { status: 403, reason: 'Forbidden', message: 'no' };
    cluster.denials.set(/mutatingadmissionpolicies/, denial);
    assert.equal(await told(), undefined);
  });

  it('names an operator outside of the cluster while it is the leader', async () => {
    const leases = '/apis/coordination.k8s.io/v1/namespaces/altershield-system/leases';
    const renewTime = new Date(NOW - 5000).toISOString();
    const spec = { holderIdentity: 'laptop-42', leaseDurationSeconds: 15, renewTime };
    const cluster = new FakeCluster().put(leases, { metadata: { name: 'altershield' }, spec });
    const at = async (now: number) => (await invoke(cluster, 'version', now)).out.split('\n')[2];
    assert.equal(await at(NOW), 'operator  laptop-42 (not installed in the cluster)');
    assert.equal(await at(NOW + 60_000), 'problem   no operator in namespace altershield-system');
  });

  it('succeeds without a cluster and reports the error', async () => {
    const cluster = new FakeCluster();
    cluster.denials.set(/version/, {
      status: 401,
      reason: 'Unauthorized',
      message: 'Unauthorized',
    });
    const { code, out } = await invoke(cluster, 'version -o json', NOW);
    assert.equal(code, 0);
    assert.match(out, /"client": ".*"problem": "the API server does not accept the credentials/s);
  });
});

describe('the command line', () => {
  it('suggests a similar command', async () => {
    const { code, err } = await invoke(aCluster(), 'wyh deploy/checkout', NOW);
    assert.equal(code, 2);
    assert.match(err, /Did you mean why\?/);
  });

  it('reports every usage error in one form, with a hint', async () => {
    const LINES = {
      nonsense: /^Error: unknown command 'nonsense'\nHint: {2}see `altershield --help`$/,
      'get --nonsense': /^Error: unknown option '--nonsense'\nHint: {2}/,
      'get pods': /^Error: cannot get "pods"\nHint: {2}/,
      'why deploy': /^Error: invalid target "deploy"\nHint: {2}/,
      'why widget/db':
        /^Error: invalid target "widget\/db"\nHint: {2}name a change as change\/NAME, or a workload as deploy\/NAME or sts\/NAME/,
      'why deploy/a deploy/b':
        /^Error: invalid target .*\nHint: {2}name one workload or one change/,
      why: /^Error: missing required argument 'target'\nHint: {2}/,
    };
    for (const [line, expected] of Object.entries(LINES)) {
      const { code, err } = await invoke(aCluster(), line, NOW);
      assert.equal(code, 2);
      assert.match(err, expected);
    }
  });

  it('exits with 0 after --help', async () => {
    const { code, out } = await invoke(aCluster(), 'why --help', NOW);
    assert.equal(code, 0);
    assert.match(out, /Global Options:/);
  });

  it('prints its exit codes', async () => {
    const { out } = await invoke(aCluster(), '--help', NOW);
    assert.match(out, /Exit codes:\n {2}0 {2}done/);
  });

  it('reports an internal error as such', async () => {
    const cluster = aCluster();
    cluster.request = () => Promise.reject(new TypeError('x is not a function'));
    const { code, err } = await invoke(cluster, 'get', NOW);
    assert.equal(code, 4);
    assert.match(err, /x is not a function/);
  });
});
