// SPDX-License-Identifier: Apache-2.0
// The metrics, alert rules and the dashboard that we ship, read by a real Prometheus.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { HealthServer, createMetrics, realScheduler, silentLogger } from '@altershield/kube';
import { parse } from 'yaml';
import { Checkout } from '../support/checkout.ts';
import { deploymentManifest, policyManifest } from '../support/manifests.ts';
import { Prometheus, skipReason, type Series } from '../support/prometheus.ts';
import { ALICE, GITOPS } from '../support/simulation.ts';

const skip = skipReason();
if (skip !== false) console.log(`monitoring tests are skipped: ${skip}`);

const fileOf = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const ALERTS = fileOf('deploy/monitoring/alerts.yaml');
const ALERT_TESTS = fileOf('test/monitoring/alerts.yaml');

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert: string; readonly expr: string }[];
  }[];
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

function promtool(...args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
  assert.equal(status, 0, `promtool ${args.join(' ')}: ${stdout}${stderr}`);
}

async function rules(): Promise<Rules['groups'][number]['rules']> {
  const { groups } = parse(await readFile(ALERTS, 'utf8')) as Rules;
  return groups.flatMap((group) => group.rules);
}

test('every alert fires on its symptom, and only then', { skip }, async () => {
  promtool('check', 'rules', ALERTS);
  promtool('test', 'rules', ALERT_TESTS);
  const tests = parse(await readFile(ALERT_TESTS, 'utf8')) as {
    readonly tests: readonly { readonly promql_expr_test: readonly Expectation[] }[];
  };
  const fired = tests.tests
    .flatMap(({ promql_expr_test: expectations }) => expectations)
    .filter(({ exp_samples: samples }) => samples.length > 0)
    .map(({ expr }) => /alertname="(\w+)"/.exec(expr)?.[1]);
  const alerts = (await rules()).map(({ alert }) => alert);
  assert.deepEqual(
    alerts.filter((alert) => !fired.includes(alert)),
    [],
  );
});

interface Expectation {
  readonly expr: string;
  readonly exp_samples: readonly unknown[];
}

describe(
  'a Prometheus server that scrapes an operator with changes in every phase',
  { skip },
  () => {
    // The clock of the changes is virtual, the one of Prometheus is real.
    const metrics = createMetrics({ scheduler: realScheduler, process: true });
    const health = new HealthServer({
      ...{ scheduler: realScheduler, log: silentLogger, metrics, host: '127.0.0.1', port: 0 },
    });
    let prometheus: Prometheus;

    before(async () => {
      await playChanges();
      useMachinery();
      const { port } = await health.listen();
      prometheus = await Prometheus.start(`127.0.0.1:${port}`);
      // A rate takes two scrapes.
      await prometheus.until('count_over_time(up[1m]) > 2 and up == 1');
    });

    after(async () => {
      await prometheus.stop();
      await health.close();
    });

    /** A good change, a bad one that is rolled back and applied again, and one that waits for a user. */
    async function playChanges(): Promise<void> {
      const release = { batches: [1, '100%'], soakSeconds: 5 };
      const checkout = await Checkout.start({ policy: { release }, metrics });
      await checkout.apply('2', 120_000);
      await checkout.apply('bad-3', 60_000);
      await assert.rejects(checkout.apply('bad-3', 10_000, GITOPS));
      const target = { selector: { matchLabels: { app: 'cart' } } };
      const { sandbox, play } = checkout;
      await play(
        sandbox.apply(policyManifest({ target, release, onFail: 'Suspend' }, 'cart')),
        1000,
      );
      const cart = (version: string) => {
        const manifest = deploymentManifest({ name: 'cart', image: `shop/cart:${version}` });
        const { metadata } = manifest;
        return { ...manifest, metadata: { ...metadata, labels: { app: 'cart' } } };
      };
      await play(sandbox.apply(cart('1'), ALICE), 120_000);
      await play(sandbox.apply(cart('bad-2'), ALICE), 60_000);
    }

    /** The parts that open ports and elect leaders are not in the simulation: they report here as they do there. */
    function useMachinery(): void {
      metrics.leader('altershield')(true);
      metrics.certificate(Date.now() + 86_400_000 * 60);
      metrics.webhook({ path: '/mutate/workload', status: 200, allowed: true, durationMs: 1 });
      metrics.client({ method: 'GET', resource: 'pods', status: 200, durationMs: 1 });
      const call = { controller: 'change', result: 'error', durationMs: 1 } as const;
      metrics.controller.reconciled(call);
    }

    const valueOf = async (expr: string): Promise<number> => {
      const [series]: readonly Series[] = await prometheus.query(expr);
      return Number(series?.value[1] ?? NaN);
    };

    /** Series that the queries name and Prometheus does not have. */
    async function unknownNames(queries: readonly string[]): Promise<string[]> {
      const names = queries.flatMap((expr) => {
        const found = namesIn(expr);
        assert.notDeepEqual(found, [], expr);
        return found;
      });
      const unknown: string[] = [];
      for (const name of new Set(names)) {
        const found = await prometheus.query(`count({__name__="${name}"})`);
        if (found.length === 0) unknown.push(name);
      }
      return unknown;
    }

    test('finds a series for every query of the dashboard', async () => {
      const { panels } = JSON.parse(
        await readFile(fileOf('deploy/monitoring/dashboard.json'), 'utf8'),
      ) as {
        readonly panels: readonly Panel[];
      };
      const queries = panels.flatMap(({ targets = [] }) =>
        targets.map(({ expr }) => filledIn(expr)),
      );
      assert.ok(queries.length > 20);
      const empty: string[] = [];
      for (const expr of queries) {
        if ((await prometheus.query(expr)).length === 0) empty.push(expr);
      }
      assert.deepEqual(empty, []);
      // `or vector(0)` would find something without the series.
      assert.deepEqual(await unknownNames(queries), []);
    });

    test('finds every series that an alert names', async () => {
      assert.deepEqual(await unknownNames((await rules()).map(({ expr }) => expr)), []);
    });

    for (const [expr, expected] of Object.entries({
      'altershield_changes_in_flight{namespace="shop",kind="Deployment",phase="Suspend"}': 1,
      'sum(altershield_changes_in_flight)': 1,
      'altershield_changes_waiting{namespace="shop",reason="CheckFailed"}': 1,
      'altershield_changes_total{namespace="shop",outcome="RolledBack"}': 1,
      'altershield_changes_total{namespace="shop",outcome="Failed"}': 0,
      'altershield_rollbacks_total{namespace="shop",trigger="Automatic"}': 1,
      'altershield_rollbacks_total{namespace="shop",trigger="User"}': 0,
      'altershield_quarantined_revisions{namespace="shop"}': 1,
      'altershield_denied_writes_total{namespace="shop"}': 1,
      'altershield_changes_detected_total{namespace="shop",detected_by="Watch"}': 0,
      'altershield_check_verdicts_total{check="podHealth",verdict="Fail"}': 2,
      'altershield_evidence_to_action_seconds_count{action="RollBack"}': 1,
      'altershield_evidence_to_action_seconds_count{action="Suspend"}': 1,
      'sum(altershield_policies{namespace="shop",reason="Valid"})': 2,
    })) {
      test(`reads ${expected} from ${expr}`, async () => {
        assert.equal(await valueOf(expr), expected);
      });
    }

    test('computes how long the change has waited by the operator’s clock', async () => {
      const seconds = await valueOf('altershield_change_waiting_seconds{namespace="shop"}');
      assert.ok(seconds > 30 && seconds < 60, `${seconds} s`);
    });
  },
);

/** As Grafana fills in its variables. */
const filledIn = (expr: string): string =>
  expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$(?:namespace|job)/g, '.*');

const SERIES =
  /\b(?:altershield|leader_election|certwatcher|controller_runtime|workqueue|rest_client|process|nodejs)_\w+/g;

const namesIn = (expr: string): string[] => expr.match(SERIES) ?? [];
