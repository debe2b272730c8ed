// SPDX-License-Identifier: Apache-2.0
// Deployments in the shapes of public manifests, written for these tests: Online Boutique, kube-prometheus, CoreDNS.

type Json = Readonly<Record<string, unknown>>;

interface Container extends Json {
  readonly name: string;
  readonly image: string;
}

/** A Deployment as its users write it, and what breaks in its bad change. */
export interface Shape {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly replicas: number;
  /** The greatest number of pods that may be missing, and of those that may be there beside the replicas. */
  readonly unavailable: number;
  readonly surge: number;
  readonly strategy?: Json;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly podSpec: Json;
  readonly containers: readonly [Container, ...Container[]];
  /** How the tag of a bad image begins, and the container that has it; the first one unless told. */
  readonly scenario: 'bad' | 'crash' | 'oom' | 'cfgerr';
  readonly failing?: string;
}

/** The Deployment as an object of a namespace. */
export function deploymentOf(shape: Shape, namespace: string): Json {
  const { name, labels, replicas, strategy, annotations } = shape;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels },
    spec: {
      // Whoever wants one replica leaves the field out.
      ...(replicas === 1 ? {} : { replicas }),
      ...(strategy === undefined ? {} : { strategy }),
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, annotations },
        spec: { ...shape.podSpec, containers: shape.containers },
      },
    },
  };
}

const WITHOUT_PRIVILEGES = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  readOnlyRootFilesystem: true,
};

const resources = (requests: readonly [string, string], limits: readonly [string, string]) => ({
  requests: { cpu: requests[0], memory: requests[1] },
  limits: { cpu: limits[0], memory: limits[1] },
});

const grpcProbes = (port: number, rest: Json = {}) => ({
  readinessProbe: { grpc: { port }, ...rest },
  livenessProbe: { grpc: { port }, ...rest },
});

const httpProbes = (path: string, port: number | string, rest: Json = {}) => ({
  readinessProbe: { httpGet: { path, port }, ...rest },
  livenessProbe: { httpGet: { path, port }, ...rest },
});

const variables = (values: Readonly<Record<string, string>>) =>
  Object.entries(values).map(([name, value]) => ({ name, value }));

/** One replica and the default strategy: one pod more for a while, never one less. */
const SINGLE = { replicas: 1, unavailable: 0, surge: 1 } as const;

interface ShopWishes {
  readonly port: number;
  readonly container: Json;
  readonly podSpec?: Json;
  readonly scenario?: Shape['scenario'];
  readonly annotations?: Shape['annotations'];
}

/** A service of Online Boutique: one container named server, which runs as an ordinary user. */
function shopService(name: string, wishes: ShopWishes): Shape {
  const { port, container, podSpec, scenario = 'bad', annotations } = wishes;
  return {
    ...{ ...SINGLE, name, labels: { app: name }, scenario },
    ...(annotations === undefined ? {} : { annotations }),
    podSpec: {
      serviceAccountName: name,
      terminationGracePeriodSeconds: 5,
      securityContext: { fsGroup: 1000, runAsGroup: 1000, runAsNonRoot: true, runAsUser: 1000 },
      ...podSpec,
    },
    containers: [
      {
        name: 'server',
        image: `registry.example/shop/${name}:v1`,
        securityContext: { ...WITHOUT_PRIVILEGES, privileged: false },
        ports: [{ containerPort: port }],
        resources: resources(['100m', '64Mi'], ['200m', '128Mi']),
        ...container,
      },
    ],
  };
}

const quiet = (port: number) => variables({ PORT: String(port), DISABLE_PROFILER: '1' });

const ONLINE_BOUTIQUE: readonly Shape[] = [
  shopService('adservice', {
    port: 9555,
    scenario: 'oom',
    container: {
      ...grpcProbes(9555, { initialDelaySeconds: 20, periodSeconds: 15 }),
      env: variables({ PORT: '9555' }),
      resources: resources(['200m', '180Mi'], ['300m', '300Mi']),
    },
  }),
  shopService('cartservice', {
    port: 7070,
    container: {
      ...grpcProbes(7070, { initialDelaySeconds: 15, periodSeconds: 10 }),
      env: variables({ REDIS_ADDR: 'redis-cart:6379' }),
      resources: resources(['200m', '64Mi'], ['300m', '128Mi']),
    },
  }),
  shopService('checkoutservice', {
    port: 5050,
    scenario: 'crash',
    container: {
      ...grpcProbes(5050),
      env: variables({ PORT: '5050', CART_SERVICE_ADDR: 'cartservice:7070' }),
    },
  }),
  shopService('currencyservice', {
    port: 7000,
    container: {
      ...grpcProbes(7000),
      ports: [{ name: 'grpc', containerPort: 7000 }],
      env: quiet(7000),
    },
  }),
  shopService('emailservice', {
    port: 8080,
    scenario: 'crash',
    container: { ...grpcProbes(8080, { periodSeconds: 5 }), env: quiet(8080) },
  }),
  shopService('frontend', {
    port: 8080,
    annotations: { 'sidecar.istio.io/rewriteAppHTTPProbers': 'true' },
    container: {
      ...httpProbes('/_healthz', 8080, { initialDelaySeconds: 10 }),
      env: variables({ PORT: '8080', AD_SERVICE_ADDR: 'adservice:9555' }),
    },
  }),
  shopService('loadgenerator', {
    port: 8089,
    scenario: 'crash',
    annotations: { 'sidecar.istio.io/rewriteAppHTTPProbers': 'true' },
    podSpec: {
      restartPolicy: 'Always',
      initContainers: [
        {
          name: 'frontend-check',
          image: 'registry.example/busybox:v1',
          command: ['/bin/sh', '-exc', 'until wget -q "http://${FRONTEND_ADDR}"; do sleep 1; done'],
          env: variables({ FRONTEND_ADDR: 'frontend:80' }),
          securityContext: WITHOUT_PRIVILEGES,
        },
      ],
    },
    container: {
      env: variables({ FRONTEND_ADDR: 'frontend:80', USERS: '10' }),
      resources: resources(['300m', '256Mi'], ['500m', '512Mi']),
    },
  }),
  shopService('paymentservice', {
    port: 50051,
    container: { ...grpcProbes(50051), env: quiet(50051) },
  }),
  shopService('productcatalogservice', {
    port: 3550,
    scenario: 'crash',
    container: { ...grpcProbes(3550), env: quiet(3550) },
  }),
  shopService('recommendationservice', {
    port: 8080,
    scenario: 'oom',
    container: {
      ...grpcProbes(8080, { periodSeconds: 5 }),
      env: quiet(8080),
      resources: resources(['100m', '220Mi'], ['200m', '450Mi']),
    },
  }),
  shopService('redis-cart', {
    port: 6379,
    podSpec: { volumes: [{ name: 'redis-data', emptyDir: {} }], serviceAccountName: 'default' },
    container: {
      name: 'redis',
      readinessProbe: { periodSeconds: 5, tcpSocket: { port: 6379 } },
      livenessProbe: { periodSeconds: 5, tcpSocket: { port: 6379 } },
      volumeMounts: [{ mountPath: '/data', name: 'redis-data' }],
      resources: resources(['70m', '200Mi'], ['125m', '256Mi']),
    },
  }),
  shopService('shippingservice', {
    port: 50051,
    container: { ...grpcProbes(50051, { periodSeconds: 5 }), env: quiet(50051) },
  }),
];

/** The labels that kube-prometheus gives to a component; they select its pods as well. */
const monitoringLabels = (name: string, component: string) => ({
  'app.kubernetes.io/component': component,
  'app.kubernetes.io/name': name,
  'app.kubernetes.io/part-of': 'kube-prometheus',
});

const LINUX = { nodeSelector: { 'kubernetes.io/os': 'linux' } };
const NOBODY = { runAsGroup: 65534, runAsNonRoot: true, runAsUser: 65534 };

/** The proxy that kube-prometheus puts before a component which speaks plain HTTP. */
const rbacProxy = (name: string, port: number, upstream: number): Container => ({
  name,
  image: `registry.example/${name}:v1`,
  args: [`--secure-listen-address=:${port}`, `--upstream=http://127.0.0.1:${upstream}/`],
  ports: [{ containerPort: port, name: 'https' }],
  resources: resources(['10m', '20Mi'], ['20m', '40Mi']),
  securityContext: { ...WITHOUT_PRIVILEGES, ...NOBODY },
});

const GRAFANA_DASHBOARDS = ['apiserver', 'kubelet', 'nodes', 'prometheus', 'workload-total'].map(
  (name) => ({ name: `grafana-dashboard-${name}`, directory: name }),
);

const KUBE_PROMETHEUS: readonly Shape[] = [
  {
    ...{ ...SINGLE, name: 'grafana', labels: monitoringLabels('grafana', 'grafana') },
    scenario: 'cfgerr',
    annotations: { 'checksum/grafana-config': '5b2f', 'checksum/grafana-datasources': '91c0' },
    podSpec: {
      ...LINUX,
      automountServiceAccountToken: false,
      securityContext: { ...NOBODY, fsGroup: 65534 },
      serviceAccountName: 'grafana',
      volumes: [
        { name: 'grafana-storage', emptyDir: {} },
        { name: 'tmp-plugins', emptyDir: { medium: 'Memory' } },
        { name: 'grafana-datasources', secret: { secretName: 'grafana-datasources' } },
        ...GRAFANA_DASHBOARDS.map(({ name }) => ({ name, configMap: { name } })),
      ],
    },
    containers: [
      {
        name: 'grafana',
        image: 'registry.example/grafana:v1',
        ports: [{ containerPort: 3000, name: 'http' }],
        readinessProbe: { httpGet: { path: '/api/health', port: 'http' } },
        resources: resources(['100m', '100Mi'], ['200m', '200Mi']),
        securityContext: WITHOUT_PRIVILEGES,
        volumeMounts: [
          { mountPath: '/var/lib/grafana', name: 'grafana-storage' },
          { mountPath: '/tmp', name: 'tmp-plugins' },
          { mountPath: '/etc/grafana/provisioning/datasources', name: 'grafana-datasources' },
          ...GRAFANA_DASHBOARDS.map(({ name, directory }) => ({
            ...{ mountPath: `/grafana-dashboard-definitions/0/${directory}`, name },
          })),
        ],
      },
    ],
  },
  {
    ...{ ...SINGLE, name: 'prometheus-operator', scenario: 'crash' },
    labels: monitoringLabels('prometheus-operator', 'controller'),
    annotations: { 'kubectl.kubernetes.io/default-container': 'prometheus-operator' },
    podSpec: {
      ...LINUX,
      automountServiceAccountToken: true,
      securityContext: { ...NOBODY, seccompProfile: { type: 'RuntimeDefault' } },
      serviceAccountName: 'prometheus-operator',
    },
    containers: [
      {
        name: 'prometheus-operator',
        image: 'registry.example/prometheus-operator:v1',
        args: ['--kubelet-service=kube-system/kubelet'],
        env: [{ name: 'GOGC', value: '30' }],
        ports: [{ containerPort: 8080, name: 'http' }],
        resources: resources(['100m', '100Mi'], ['200m', '200Mi']),
        securityContext: WITHOUT_PRIVILEGES,
      },
      rbacProxy('kube-rbac-proxy', 8443, 8080),
    ],
  },
  {
    ...{ ...SINGLE, name: 'kube-state-metrics', scenario: 'bad', failing: 'kube-rbac-proxy-self' },
    labels: monitoringLabels('kube-state-metrics', 'exporter'),
    podSpec: { ...LINUX, serviceAccountName: 'kube-state-metrics' },
    containers: [
      {
        name: 'kube-state-metrics',
        image: 'registry.example/kube-state-metrics:v1',
        args: ['--host=127.0.0.1', '--port=8081', '--telemetry-port=8082'],
        resources: resources(['10m', '190Mi'], ['100m', '250Mi']),
        securityContext: { ...WITHOUT_PRIVILEGES, ...NOBODY },
      },
      rbacProxy('kube-rbac-proxy-main', 8443, 8081),
      rbacProxy('kube-rbac-proxy-self', 9443, 8082),
    ],
  },
  {
    ...{ name: 'prometheus-adapter', replicas: 2, unavailable: 1, surge: 1, scenario: 'bad' },
    labels: monitoringLabels('prometheus-adapter', 'metrics-adapter'),
    strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } },
    annotations: { 'checksum.config/md5': '3b1e' },
    podSpec: {
      ...LINUX,
      automountServiceAccountToken: true,
      serviceAccountName: 'prometheus-adapter',
      volumes: [
        { name: 'tmpfs', emptyDir: {} },
        { name: 'volume-serving-cert', emptyDir: {} },
        { name: 'config', configMap: { name: 'adapter-config' } },
      ],
    },
    containers: [
      {
        name: 'prometheus-adapter',
        image: 'registry.example/prometheus-adapter:v1',
        args: ['--config=/etc/adapter/config.yaml', '--secure-port=6443'],
        ...httpProbes('/readyz', 'https', { failureThreshold: 5, periodSeconds: 5 }),
        startupProbe: { httpGet: { path: '/livez', port: 'https' }, failureThreshold: 18 },
        ports: [{ containerPort: 6443, name: 'https' }],
        resources: resources(['102m', '180Mi'], ['250m', '180Mi']),
        securityContext: WITHOUT_PRIVILEGES,
        volumeMounts: [
          { mountPath: '/tmp', name: 'tmpfs' },
          { mountPath: '/var/run/serving-cert', name: 'volume-serving-cert' },
          { mountPath: '/etc/adapter', name: 'config' },
        ],
      },
    ],
  },
];

const DNS_LABELS = { 'k8s-app': 'kube-dns', 'app.kubernetes.io/name': 'coredns' };

/** As many replicas as nodes, and one on each: a pod of a new revision fits only where one has gone. */
const COREDNS: Shape = {
  ...{
    name: 'coredns',
    labels: DNS_LABELS,
    replicas: 3,
    unavailable: 1,
    surge: 1,
    scenario: 'crash',
  },
  strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
  podSpec: {
    ...LINUX,
    priorityClassName: 'system-cluster-critical',
    serviceAccountName: 'coredns',
    tolerations: [{ key: 'CriticalAddonsOnly', operator: 'Exists' }],
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          {
            labelSelector: {
              matchExpressions: [{ key: 'k8s-app', operator: 'In', values: ['kube-dns'] }],
            },
            topologyKey: 'kubernetes.io/hostname',
          },
        ],
      },
    },
    dnsPolicy: 'Default',
    volumes: [
      {
        name: 'config-volume',
        configMap: { name: 'coredns', items: [{ key: 'Corefile', path: 'Corefile' }] },
      },
    ],
  },
  containers: [
    {
      name: 'coredns',
      image: 'registry.example/coredns:v1',
      imagePullPolicy: 'IfNotPresent',
      args: ['-conf', '/etc/coredns/Corefile'],
      resources: { limits: { memory: '170Mi' }, requests: { cpu: '100m', memory: '70Mi' } },
      volumeMounts: [{ name: 'config-volume', mountPath: '/etc/coredns', readOnly: true }],
      ports: [
        { containerPort: 53, name: 'dns', protocol: 'UDP' },
        { containerPort: 53, name: 'dns-tcp', protocol: 'TCP' },
        { containerPort: 9153, name: 'metrics', protocol: 'TCP' },
      ],
      securityContext: {
        ...WITHOUT_PRIVILEGES,
        capabilities: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] },
      },
      livenessProbe: { httpGet: { path: '/health', port: 8080 }, initialDelaySeconds: 60 },
      readinessProbe: { httpGet: { path: '/ready', port: 8181 } },
    },
  ],
};

export const SHAPES: readonly Shape[] = [...ONLINE_BOUTIQUE, ...KUBE_PROMETHEUS, COREDNS];
