// SPDX-License-Identifier: Apache-2.0
import { OBJECT_NAMES } from '@altershield/api';
import {
  NAME,
  PORTS,
  SELECTOR,
  WEBHOOK_SERVICE,
  labels,
  type InstallOptions,
  type Manifest,
} from './manifest.ts';

/** Until every API server has learnt from the Service that a replica leaves. */
const SHUTDOWN_DELAY_SECONDS = 5;

type Json = Readonly<Record<string, unknown>>;

export const namespace = ({ namespace: name }: InstallOptions): Manifest => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name,
    labels: { ...labels, 'pod-security.kubernetes.io/enforce': 'restricted' },
  },
});

/** The operator itself: the Service of its webhooks, its Deployment, its disruption budget. */
export const workload = (options: InstallOptions): Manifest[] => [
  service(options),
  deployment(options),
  disruptionBudget(options),
];

const service = (options: InstallOptions): Manifest => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: WEBHOOK_SERVICE, namespace: options.namespace, labels },
  spec: {
    selector: SELECTOR,
    ports: [{ name: 'webhook', port: 443, targetPort: 'webhook', protocol: 'TCP' }],
  },
});

const deployment = (options: InstallOptions): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: NAME, namespace: options.namespace, labels },
  spec: {
    replicas: options.replicas,
    selector: { matchLabels: SELECTOR },
    // Admission is answered by as many replicas as before while a new version comes.
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    template: {
      metadata: {
        labels,
        annotations: {
          'prometheus.io/scrape': 'true',
          'prometheus.io/port': String(PORTS.health),
        },
      },
      spec: podSpec(options),
    },
  },
});

const podSpec = (options: InstallOptions): Json => ({
  serviceAccountName: OBJECT_NAMES.serviceAccount,
  enableServiceLinks: false,
  terminationGracePeriodSeconds: SHUTDOWN_DELAY_SECONDS + 35,
  securityContext: {
    runAsNonRoot: true,
    runAsUser: 65532,
    runAsGroup: 65532,
    seccompProfile: { type: 'RuntimeDefault' },
  },
  topologySpreadConstraints: [
    spread('kubernetes.io/hostname'),
    spread('topology.kubernetes.io/zone'),
  ],
  containers: [container(options)],
});

const spread = (topologyKey: string): Json => ({
  maxSkew: 1,
  topologyKey,
  whenUnsatisfiable: 'ScheduleAnyway',
  labelSelector: { matchLabels: SELECTOR },
  // The version that leaves does not count.
  matchLabelKeys: ['pod-template-hash'],
});

const container = ({ image, namespace: own }: InstallOptions): Json => ({
  name: 'operator',
  image,
  args: ['run', '--namespace', own, '--shutdown-delay-seconds', `${SHUTDOWN_DELAY_SECONDS}`],
  env: [{ name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
  ports: [
    { name: 'webhook', containerPort: PORTS.webhook, protocol: 'TCP' },
    { name: 'health', containerPort: PORTS.health, protocol: 'TCP' },
  ],
  // At start it may wait for minutes for an API server that is busy.
  startupProbe: { ...probe('/healthz'), periodSeconds: 2, failureThreshold: 300 },
  livenessProbe: { ...probe('/healthz'), periodSeconds: 10, failureThreshold: 6 },
  readinessProbe: { ...probe('/readyz'), periodSeconds: 5 },
  // The last log line has the error and the hint.
  terminationMessagePolicy: 'FallbackToLogsOnError',
  resources: {
    requests: { cpu: '100m', memory: '128Mi' },
    limits: { memory: '512Mi' },
  },
  securityContext: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  },
});

const probe = (path: string): Json => ({
  httpGet: { path, port: 'health' },
  timeoutSeconds: 3,
});

const disruptionBudget = (options: InstallOptions): Manifest => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: NAME, namespace: options.namespace, labels },
  spec: {
    maxUnavailable: 1,
    selector: { matchLabels: SELECTOR },
    // An unready pod must not block a node drain.
    unhealthyPodEvictionPolicy: 'AlwaysAllow',
  },
});
