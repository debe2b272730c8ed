// SPDX-License-Identifier: Apache-2.0
import type { MinEffect, SignalKind, Worse } from '../detect/detector.ts';

/** A metric that AlterShield knows by itself. */
export interface Signal {
  readonly name: string;
  readonly kind: SignalKind;
  readonly worse: Worse;
  /** Names of the metrics that the query needs. */
  readonly metrics: readonly string[];
  /** PromQL with `$namespace`, `$pods` and `$window`: one series for each pod. */
  readonly query: string;
  /** Counts the requests behind each value of a ratio, for all pods together. */
  readonly requests?: string;
  readonly minEffect: MinEffect;
}

const PODS = 'namespace="$namespace",pod=~"$pods"';
/** cAdvisor also has series of the pod as a whole, and of its sandbox. */
const CONTAINERS = `${PODS},container!="",container!="POD"`;

const rate = (metric: string, labels = PODS): string =>
  `sum by (pod) (rate(${metric}{${labels}}[$window]))`;

/** From cAdvisor, which every kubelet has. */
const RESOURCES: readonly Signal[] = [
  {
    ...{ name: 'cpu', kind: 'Resource', worse: 'Higher' },
    metrics: ['container_cpu_usage_seconds_total'],
    query: rate('container_cpu_usage_seconds_total', CONTAINERS),
    minEffect: { absolute: 0.05, relative: 1 },
  },
  {
    ...{ name: 'cpu-throttling', kind: 'Resource', worse: 'Higher' },
    metrics: ['container_cpu_cfs_throttled_periods_total', 'container_cpu_cfs_periods_total'],
    query: `${rate('container_cpu_cfs_throttled_periods_total', CONTAINERS)} / ${rate('container_cpu_cfs_periods_total', CONTAINERS)}`,
    minEffect: { absolute: 0.25, relative: 1 },
  },
  {
    ...{ name: 'memory', kind: 'Resource', worse: 'Higher' },
    metrics: ['container_memory_working_set_bytes'],
    query: `sum by (pod) (container_memory_working_set_bytes{${CONTAINERS}})`,
    minEffect: { absolute: 32 * 2 ** 20, relative: 0.3 },
  },
  {
    ...{ name: 'network-errors', kind: 'Resource', worse: 'Higher' },
    metrics: ['container_network_receive_errors_total', 'container_network_transmit_errors_total'],
    query: `${rate('container_network_receive_errors_total')} + ${rate('container_network_transmit_errors_total')}`,
    minEffect: { absolute: 1, relative: 1 },
  },
];

/** How one library or proxy counts the requests of a server. */
interface Requests {
  readonly counter: string;
  /** Labels of requests that failed. */
  readonly failed: string;
  readonly labels?: string;
  readonly buckets: string;
  /** Seconds in a unit of the buckets. */
  readonly unit?: number;
}

/** In this order: of several, the one that is nearest to the user comes first. */
const REQUESTS: readonly Requests[] = [
  {
    counter: 'istio_requests_total',
    failed: 'response_code=~"5..|0"',
    labels: 'reporter="destination"',
    buckets: 'istio_request_duration_milliseconds_bucket',
    unit: 0.001,
  },
  {
    counter: 'response_total',
    failed: 'classification="failure"',
    labels: 'direction="inbound"',
    buckets: 'response_latency_ms_bucket',
    unit: 0.001,
  },
  {
    counter: 'http_server_request_duration_seconds_count',
    failed: 'http_response_status_code=~"5.."',
    buckets: 'http_server_request_duration_seconds_bucket',
  },
  {
    counter: 'http_server_requests_seconds_count',
    failed: 'status=~"5.."',
    buckets: 'http_server_requests_seconds_bucket',
  },
  {
    counter: 'http_requests_total',
    failed: 'code=~"5.."',
    buckets: 'http_request_duration_seconds_bucket',
  },
  {
    counter: 'grpc_server_handled_total',
    failed: 'grpc_code=~"Unknown|DeadlineExceeded|Unimplemented|Internal|Unavailable|DataLoss"',
    buckets: 'grpc_server_handling_seconds_bucket',
  },
];

/** Some client libraries name the label of the status otherwise. */
const STATUS_LABELS = ['code', 'status', 'status_code'] as const;

function errorsOf({ counter, failed, labels }: Requests): Signal {
  const own = labels === undefined ? PODS : `${PODS},${labels}`;
  const all = rate(counter, own);
  const kinds = failed.startsWith('code=')
    ? STATUS_LABELS.map((label) => failed.replace('code=', `${label}=`))
    : [failed];
  // Without failed requests there is no such series: the ratio is then zero, not missing.
  const bad = [...kinds.map((kind) => rate(counter, `${own},${kind}`)), `0 * ${all}`];
  return {
    ...{ name: 'error-ratio', kind: 'Service', worse: 'Higher' },
    metrics: [counter],
    query: `(${bad.join(' or ')}) / ${all}`,
    requests: `sum(increase(${counter}{${own}}[$window]))`,
    minEffect: { absolute: 0.01, relative: 0.5 },
  };
}

function latencyOf({ buckets, counter, labels, unit = 1 }: Requests): Signal {
  const own = labels === undefined ? PODS : `${PODS},${labels}`;
  return {
    ...{ name: 'latency-p95', kind: 'Service', worse: 'Higher' },
    metrics: [buckets, counter],
    query: `${unit} * histogram_quantile(0.95, sum by (pod, le) (rate(${buckets}{${own}}[$window])))`,
    requests: `sum(increase(${counter}{${own}}[$window]))`,
    minEffect: { absolute: 0.01, relative: 1 },
  };
}

/** Of several with the same name, the first whose metrics exist is used. */
export const SIGNALS: readonly Signal[] = [
  ...REQUESTS.map(errorsOf),
  ...REQUESTS.map(latencyOf),
  ...RESOURCES,
];
