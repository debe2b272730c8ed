// SPDX-License-Identifier: Apache-2.0

type Unit = 'short' | 's' | 'percentunit' | 'bytes' | 'reqps' | 'ops';

interface Query {
  readonly expr: string;
  /** E.g. `{{phase}}`. */
  readonly legend: string;
}

interface Panel {
  readonly title: string;
  readonly description: string;
  readonly type?: 'timeseries' | 'stat';
  readonly unit?: Unit;
  readonly queries: readonly Query[];
  /** From which value on a stat is orange. */
  readonly warnFrom?: number;
  readonly isStacked?: boolean;
}

interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const IN = 'namespace=~"$namespace"';
/** The operator's own series: controller-runtime gives other operators the same names. */
const OF = 'job=~"$job"';

const increase = (series: string, by: string): string =>
  `sum by (${by}) (increase(${series}[$__rate_interval]))`;

const rate = (series: string, by: string): string =>
  `sum by (${by}) (rate(${series}{${OF}}[$__rate_interval]))`;

const quantile = (q: number, series: string, by: string): string =>
  `histogram_quantile(${q}, sum by (le, ${by}) (rate(${series}_bucket{${OF}}[$__rate_interval])))`;

const CHANGES: Row = {
  title: 'Changes',
  panels: [
    {
      title: 'In flight',
      description: 'Changes that have not ended.',
      type: 'stat',
      queries: [{ expr: `sum(altershield_changes_in_flight{${IN}}) or vector(0)`, legend: '' }],
    },
    {
      title: 'Waiting for a decision',
      description: 'Changes that go on only when a user decides.',
      type: 'stat',
      warnFrom: 1,
      queries: [{ expr: `sum(altershield_changes_waiting{${IN}}) or vector(0)`, legend: '' }],
    },
    {
      title: 'Longest wait',
      description: 'For how long a change has waited for a user.',
      type: 'stat',
      unit: 's',
      warnFrom: 3600,
      queries: [
        { expr: `max(altershield_change_waiting_seconds{${IN}}) or vector(0)`, legend: '' },
      ],
    },
    {
      title: 'Quarantined revisions',
      description: 'Revisions that admission denies.',
      type: 'stat',
      queries: [{ expr: `sum(altershield_quarantined_revisions{${IN}}) or vector(0)`, legend: '' }],
    },
    {
      title: 'In flight by phase',
      description: 'Suspend: a user has to decide.',
      isStacked: true,
      queries: [
        { expr: `sum by (phase) (altershield_changes_in_flight{${IN}})`, legend: '{{phase}}' },
      ],
    },
    {
      title: 'Outcomes',
      description: 'Changes that ended.',
      isStacked: true,
      queries: [
        { expr: increase(`altershield_changes_total{${IN}}`, 'outcome'), legend: '{{outcome}}' },
      ],
    },
    {
      title: 'Rollbacks by trigger',
      description: 'Automatic: a check failed. User: a user asked for it.',
      isStacked: true,
      queries: [
        { expr: increase(`altershield_rollbacks_total{${IN}}`, 'trigger'), legend: '{{trigger}}' },
      ],
    },
    {
      title: 'Denied writes',
      description: 'Attempts to apply a quarantined revision again.',
      queries: [
        {
          expr: increase(`altershield_denied_writes_total{${IN}}`, 'namespace'),
          legend: '{{namespace}}',
        },
      ],
    },
    {
      title: 'Found by',
      description: 'Watch: admission did not see the write.',
      isStacked: true,
      queries: [
        {
          expr: increase(`altershield_changes_detected_total{${IN}}`, 'detected_by'),
          legend: '{{detected_by}}',
        },
      ],
    },
    {
      title: 'Waiting by reason',
      description: 'Changes that go on only when a user decides.',
      queries: [
        {
          expr: `sum by (namespace, reason) (altershield_changes_waiting{${IN}})`,
          legend: '{{namespace}} {{reason}}',
        },
      ],
    },
  ],
};

const CHECKS: Row = {
  title: 'Checks and reaction (all namespaces)',
  panels: [
    {
      title: 'Verdicts by check',
      description: 'Verdicts that checks reached on a batch.',
      isStacked: true,
      queries: [
        {
          expr: increase('altershield_check_verdicts_total', 'check, verdict'),
          legend: '{{check}} {{verdict}}',
        },
      ],
    },
    {
      title: 'From evidence to action',
      description: 'From the event that shows a failure to the completed write that acts on it.',
      unit: 's',
      queries: [0.5, 0.99].map((q) => ({
        expr: quantile(q, 'altershield_evidence_to_action_seconds', 'action'),
        legend: `{{action}} p${q * 100}`,
      })),
    },
    {
      title: 'Duration of changes',
      description: 'From detection to the end, by outcome.',
      unit: 's',
      queries: [0.5, 0.95].map((q) => ({
        expr: quantile(q, 'altershield_change_duration_seconds', 'outcome'),
        legend: `{{outcome}} p${q * 100}`,
      })),
    },
    {
      title: 'Policies',
      description: 'By the reason of their condition Ready.',
      queries: [{ expr: `sum by (reason) (altershield_policies{${IN}})`, legend: '{{reason}}' }],
    },
  ],
};

const OPERATOR: Row = {
  title: 'Operator',
  panels: [
    {
      title: 'Leaders',
      description: 'Must be 1.',
      type: 'stat',
      queries: [{ expr: 'sum(leader_election_master_status{name="altershield"})', legend: '' }],
    },
    {
      title: 'Webhook certificate expires in',
      description: 'It is renewed a month ahead.',
      type: 'stat',
      unit: 's',
      queries: [
        {
          expr: `min(certwatcher_certificate_expiration_timestamp_seconds{${OF}}) - time()`,
          legend: '',
        },
      ],
    },
    {
      title: 'Admission answers',
      description: 'Admission reviews by path and answer.',
      unit: 'reqps',
      queries: [
        {
          expr: rate('controller_runtime_webhook_verdicts_total', 'webhook, allowed'),
          legend: '{{webhook}} allowed={{allowed}}',
        },
      ],
    },
    {
      title: 'Admission latency, p99',
      description: 'From the last byte of the request to the answer.',
      unit: 's',
      queries: [
        {
          expr: quantile(0.99, 'controller_runtime_webhook_latency_seconds', 'webhook'),
          legend: '{{webhook}}',
        },
      ],
    },
    {
      title: 'Reconcile errors',
      description: 'By controller.',
      unit: 'ops',
      queries: [
        {
          expr: rate('controller_runtime_reconcile_errors_total', 'controller'),
          legend: '{{controller}}',
        },
      ],
    },
    {
      title: 'Time in the queue, p99',
      description: 'From an event to the start of the work on it.',
      unit: 's',
      queries: [
        { expr: quantile(0.99, 'workqueue_queue_duration_seconds', 'name'), legend: '{{name}}' },
      ],
    },
    {
      title: 'Requests to the API server',
      description: 'By method and status code.',
      unit: 'reqps',
      queries: [
        {
          expr: rate('rest_client_requests_total', 'method, code'),
          legend: '{{method}} {{code}}',
        },
      ],
    },
    {
      title: 'Memory',
      description: 'Resident memory of each replica.',
      unit: 'bytes',
      queries: [{ expr: `process_resident_memory_bytes{${OF}}`, legend: '{{instance}}' }],
    },
    {
      title: 'CPU',
      description: 'Cores used by each replica.',
      queries: [
        {
          expr: rate('process_cpu_seconds_total', 'instance'),
          legend: '{{instance}}',
        },
      ],
    },
    {
      title: 'Event loop lag, p99',
      description: 'How long work waits for the process itself.',
      unit: 's',
      queries: [
        // The series contain the time between two looks.
        {
          expr: `clamp_min(nodejs_eventloop_lag_p99_seconds{${OF}} - 0.1, 0)`,
          legend: '{{instance}}',
        },
      ],
    },
  ],
};

const DATASOURCE = { type: 'prometheus', uid: '$datasource' } as const;
const COLUMNS = 24;

interface PanelPosition {
  readonly x: number;
  readonly y: number;
}

/** The dashboard as Grafana imports it. */
export function dashboard(): object {
  return {
    uid: 'altershield',
    title: 'AlterShield',
    description: 'Changes of workloads: in flight, waiting, outcomes, verdicts, reaction times.',
    tags: ['altershield', 'kubernetes'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    templating: { list: variables() },
    panels: layOut([CHANGES, CHECKS, OPERATOR]),
  };
}

function variables(): object[] {
  const query = (name: string, label: string, text: string): object => ({
    ...{ name, label, query: text, type: 'query', datasource: DATASOURCE },
    ...{ refresh: 2, sort: 1, multi: true, includeAll: true, allValue: '.*' },
    current: { text: 'All', value: '$__all' },
  });
  return [
    { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
    query('namespace', 'Namespace', 'label_values(altershield_changes_total, namespace)'),
    query('job', 'Job', 'label_values(leader_election_master_status{name="altershield"}, job)'),
  ];
}

/** Stats four in a row, graphs two in a row, below the title of their section. */
function layOut(rows: readonly Row[]): object[] {
  const panels: object[] = [];
  let at: PanelPosition = { x: 0, y: 0 };
  for (const { title, panels: own } of rows) {
    const y = at.x === 0 ? at.y : at.y + 8;
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title,
      gridPos: { x: 0, y, w: COLUMNS, h: 1 },
    });
    at = { x: 0, y: y + 1 };
    for (const panel of own) {
      const { w, h } = panel.type === 'stat' ? { w: 6, h: 4 } : { w: 12, h: 8 };
      if (at.x + w > COLUMNS) at = { x: 0, y: at.y + h };
      panels.push(panelOf(panel, panels.length + 1, { ...at, w, h }));
      at = at.x + w >= COLUMNS ? { x: 0, y: at.y + h } : { x: at.x + w, y: at.y };
    }
  }
  return panels;
}

function panelOf(panel: Panel, id: number, gridPos: object): object {
  const { title, description, type = 'timeseries', unit = 'short', queries, warnFrom } = panel;
  const warning = warnFrom === undefined ? [] : [{ color: 'orange', value: warnFrom }];
  const steps = [{ color: 'green', value: null }, ...warning];
  const stacking = { mode: panel.isStacked === true ? 'normal' : 'none' };
  const custom = { stacking, fillOpacity: panel.isStacked === true ? 30 : 0 };
  return {
    ...{ id, title, description, type, gridPos, datasource: DATASOURCE },
    fieldConfig: {
      defaults: {
        unit,
        thresholds: { mode: 'absolute', steps },
        ...(type === 'stat' ? {} : { custom }),
      },
      overrides: [],
    },
    targets: queries.map(({ expr, legend }, index) => ({
      ...{ refId: String.fromCharCode(65 + index), expr, datasource: DATASOURCE },
      legendFormat: legend,
    })),
  };
}
