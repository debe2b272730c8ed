// SPDX-License-Identifier: Apache-2.0

type Json = Readonly<Record<string, unknown>>;

/** How many of each there are: three ReplicaSets and ten pods per Deployment in the tables. */
export interface Size {
  readonly deployments: number;
  readonly replicaSets: number;
  readonly pods: number;
}

const AT = '2026-11-01T10:00:00Z';

/** As the API server writes it: a tree of the names of all fields of an object. */
function fieldsV1(value: unknown): Json {
  if (Array.isArray(value)) {
    return Object.fromEntries(
      value.map((item, i) => [`k:{"index":${i}}`, { '.': {}, ...fieldsV1(item) }]),
    );
  }
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [`f:${key}`, fieldsV1(child)]),
  );
}

const managed = (manager: string, fields: Json, subresource = ''): Json => ({
  manager,
  operation: 'Update',
  apiVersion: 'v1',
  time: AT,
  fieldsType: 'FieldsV1',
  fieldsV1: fieldsV1(fields),
  ...(subresource !== '' && { subresource }),
});

const uid = (kind: number, index: number): string =>
  `00000000-0000-4000-${String(8000 + kind)}-${String(index).padStart(12, '0')}`;

interface Owner {
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

interface Named {
  readonly name: string;
  readonly uid: string;
  readonly index: number;
  readonly labels: Json;
  readonly owner?: Owner;
}

function metadata({ name, uid: id, index, labels, owner }: Named): Json {
  return {
    name,
    namespace: namespaceOf(index),
    uid: id,
    resourceVersion: String(1000 + index),
    generation: 3,
    creationTimestamp: AT,
    labels,
    ...(owner !== undefined && {
      ownerReferences: [
        { apiVersion: 'apps/v1', controller: true, blockOwnerDeletion: true, ...owner },
      ],
    }),
  };
}

const namespaceOf = (index: number): string => `team-${index % 20}`;

/** A pod template as charts write them: about 3 KB. */
export function podSpec(image: string): Json {
  const probe = (path: string): Json => ({
    httpGet: { path, port: 'http', scheme: 'HTTP' },
    initialDelaySeconds: 5,
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
  });
  const env = Array.from({ length: 20 }, (_, i) => ({
    name: `SETTING_NUMBER_${i}`,
    value: `value-of-setting-${i}`,
  }));
  return {
    containers: [
      {
        name: 'app',
        image,
        ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
        env,
        resources: {
          limits: { cpu: '1', memory: '512Mi' },
          requests: { cpu: '100m', memory: '256Mi' },
        },
        volumeMounts: [
          { name: 'config', mountPath: '/etc/app' },
          {
            name: 'kube-api-access',
            readOnly: true,
            mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
          },
        ],
        livenessProbe: probe('/healthz'),
        readinessProbe: probe('/readyz'),
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
        imagePullPolicy: 'IfNotPresent',
        securityContext: {
          runAsNonRoot: true,
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
        },
      },
    ],
    volumes: [{ name: 'config', configMap: { name: 'app-config', defaultMode: 420 } }],
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    serviceAccountName: 'app',
    securityContext: { fsGroup: 2000 },
    schedulerName: 'default-scheduler',
  };
}

export const imageOf = (app: number): string => `registry.example.com/shop/app-${app}:1.7.3`;

/** A Deployment as `kubectl get -o json` gives it. */
export function aDeployment(app: number, image = imageOf(app)): Json {
  const labels = { 'app.kubernetes.io/name': `app-${app}`, tier: 'web' };
  const spec = {
    replicas: 10,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: podSpec(image) },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
  };
  const status = {
    ...{
      observedGeneration: 3,
      replicas: 10,
      updatedReplicas: 10,
      readyReplicas: 10,
      availableReplicas: 10,
    },
    conditions: ['Available', 'Progressing'].map((type) =>
      condition(type, 'MinimumReplicasAvailable'),
    ),
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      ...metadata({ name: `app-${app}`, uid: uid(1, app), index: app, labels }),
      managedFields: [
        managed('kubectl-client-side-apply', { spec }),
        managed('kube-controller-manager', { status }, 'status'),
      ],
    },
    spec,
    status,
  };
}

function aReplicaSet(index: number, { deployments }: Size): Json {
  const app = index % deployments;
  const hash = hashOf(index);
  const labels = { 'app.kubernetes.io/name': `app-${app}`, tier: 'web', 'pod-template-hash': hash };
  const replicas = index < deployments ? 10 : 0;
  const spec = {
    replicas,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: podSpec(imageOf(app)) },
  };
  const status = {
    replicas,
    readyReplicas: replicas,
    availableReplicas: replicas,
    observedGeneration: 1,
  };
  const owner = { kind: 'Deployment', name: `app-${app}`, uid: uid(1, app) };
  return {
    metadata: {
      ...metadata({ name: `app-${app}-${hash}`, uid: uid(2, index), index: app, labels, owner }),
      annotations: {
        'deployment.kubernetes.io/revision': '3',
        'deployment.kubernetes.io/desired-replicas': '10',
      },
      managedFields: [
        managed('kube-controller-manager', { spec }),
        managed('kube-controller-manager', { status }, 'status'),
      ],
    },
    spec,
    status,
  };
}

export function aPod(index: number, { deployments }: Size): Json {
  const app = index % deployments;
  const hash = hashOf(app);
  const labels = { 'app.kubernetes.io/name': `app-${app}`, tier: 'web', 'pod-template-hash': hash };
  const spec = { ...podSpec(imageOf(app)), nodeName: `node-${index % 100}` };
  const state = { running: { startedAt: AT } };
  const status = {
    phase: 'Running',
    conditions: [
      'PodReadyToStartContainers',
      'Initialized',
      'Ready',
      'ContainersReady',
      'PodScheduled',
    ].map((type) => condition(type)),
    hostIP: '10.0.0.1',
    podIP: '10.244.1.17',
    podIPs: [{ ip: '10.244.1.17' }],
    startTime: AT,
    containerStatuses: [
      {
        name: 'app',
        state,
        lastState: {},
        ready: true,
        restartCount: 0,
        image: imageOf(app),
        imageID: `sha256:${'ab12'.repeat(16)}`,
        containerID: `containerd://${'cd34'.repeat(16)}`,
        started: true,
      },
    ],
    qosClass: 'Burstable',
  };
  const owner = { kind: 'ReplicaSet', name: `app-${app}-${hash}`, uid: uid(2, app) };
  return {
    metadata: {
      ...metadata({
        name: `app-${app}-${hash}-${String(index).padStart(5, '0')}`,
        uid: uid(3, index),
        index: app,
        labels,
        owner,
      }),
      annotations: { 'checksum/config': 'ef56'.repeat(16) },
      managedFields: [
        managed('kube-controller-manager', { spec }),
        managed('kubelet', { status }, 'status'),
      ],
    },
    spec,
    status,
  };
}

const hashOf = (index: number): string => `${(index + 1_000_000).toString(36)}7f9c`;

const condition = (type: string, reason = 'Observed'): Json => ({
  type,
  status: 'True',
  reason,
  lastProbeTime: null,
  lastTransitionTime: AT,
});

/** The items of each list, as the server sends them. */
export function itemsOf(size: Size): ReadonlyMap<string, readonly Buffer[]> {
  const many = (count: number, make: (index: number, size: Size) => Json): Buffer[] =>
    Array.from({ length: count }, (_, index) => Buffer.from(JSON.stringify(make(index, size))));
  return new Map([
    ['deployments', many(size.deployments, (app) => without(aDeployment(app)))],
    ['replicasets', many(size.replicaSets, aReplicaSet)],
    ['pods', many(size.pods, aPod)],
  ]);
}

/** Items of a list come without these. */
function without({ apiVersion: _, kind: __, ...rest }: Json): Json {
  return rest;
}
