// SPDX-License-Identifier: Apache-2.0
import { isIPv6 } from 'node:net';
import { FIELD_MANAGER, OBJECT_NAMES } from '@altershield/api';
import type { WebhookTarget, WorkloadAdapter } from '@altershield/core';
import {
  Client,
  HealthServer,
  LeaderElector,
  Manager,
  RESOURCES,
  createMetrics,
  createUndiciTransport,
  loadConfig,
  withRetries,
  serverRunnable,
  whenAborted,
  type ConnectionConfig,
  type HealthChecks,
  type Informer,
  type KubeObject,
  type Logger,
  type Metrics,
  type RetryOptions,
  type Runnable,
  type Scheduler,
  type Secret,
} from '@altershield/kube';
import type { Config } from './config.ts';
import { servesNativeClamp } from '../controllers/native-policies.ts';
import { chooseIdentity } from './identity.ts';
import { BypassWarning, unreachableHint } from './bypass-warning.ts';
import { createOperator, type Operator } from '../operator.ts';
import { permittedKinds, preflight, whoAmI } from './preflight.ts';
import { ensureSigningKey } from './signing-key.ts';
import { createWebhook } from './webhook.ts';

/** The shipped grace period is the sum of this, the shutdown delay and ten seconds. */
const STOP_MS = 25_000;

interface Deps {
  readonly config: Config;
  readonly client: Client;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly operator: Operator;
}

/** Runs one replica until `signal` aborts. Rejects if a component fails. */
export async function serve(
  config: Config,
  scheduler: Scheduler,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const metrics = createMetrics({ scheduler, process: true });
  const connection = await connectionOf(config, { scheduler, log, signal });
  if (connection === undefined) return;
  const transport = createUndiciTransport(connection);
  const client = new Client({
    ...{ transport, scheduler, log, fieldManager: FIELD_MANAGER },
    observer: metrics.client,
  });
  try {
    const found = await connect(client, config, { scheduler, log, signal });
    if (found === undefined) return;
    log.info('connected', { server: connection.server, user: found.operatorUser });
    await runReplica({ config, client, scheduler, log, metrics }, found, signal);
  } finally {
    await transport.close();
  }
}

/** The connection to the API server; `undefined` if the signal aborts in the meantime. */
async function connectionOf(
  config: Config,
  retryOptions: RetryOptions,
): Promise<ConnectionConfig | undefined> {
  const { scheduler, log, signal } = retryOptions;
  const loaded = await loadConfig({
    ...{ path: config.kubeconfig, context: config.context, scheduler },
  });
  const userOf = (connection: ConnectionConfig): Promise<string> =>
    withRetries(
      'ask for the operator’s user name',
      () => askOnce(connection, scheduler),
      retryOptions,
    );
  try {
    return await chooseIdentity(loaded, config, { userOf, log });
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

async function askOnce(connection: ConnectionConfig, scheduler: Scheduler): Promise<string> {
  const transport = createUndiciTransport(connection);
  try {
    return await whoAmI(new Client({ transport, scheduler, fieldManager: FIELD_MANAGER }));
  } finally {
    await transport.close();
  }
}

interface ClusterIdentity {
  readonly operatorUser: string;
  /** True if the API server can limit replicas itself. Read once: restart after an upgrade. */
  readonly nativeClamp: boolean;
  readonly signingKey: Uint8Array;
  readonly adapters: readonly WorkloadAdapter[];
}

/** Checks the cluster before the start; `undefined` if the signal aborts in the meantime. */
async function connect(
  client: Client,
  { namespace }: Config,
  retryOptions: RetryOptions,
): Promise<ClusterIdentity | undefined> {
  try {
    await withRetries('check the cluster', () => preflight(client, namespace), retryOptions);
    const { log } = retryOptions;
    const askKinds = (): Promise<readonly WorkloadAdapter[]> =>
      permittedKinds(client, { namespace, log });
    const adapters = await withRetries('check the kinds', askKinds, retryOptions);
    const operatorUser = await withRetries(
      'ask for the operator’s user name',
      () => whoAmI(client),
      retryOptions,
    );
    const asksClamp = (): Promise<boolean> => servesNativeClamp(client);
    const nativeClamp = await withRetries('ask for admission policies', asksClamp, retryOptions);
    const makeKey = (): Promise<Uint8Array> => ensureSigningKey(client, namespace);
    const signingKey = await withRetries('get the signing key', makeKey, retryOptions);
    return { operatorUser, nativeClamp, signingKey, adapters };
  } catch (error) {
    if (retryOptions.signal.aborted) return undefined;
    throw error;
  }
}

async function runReplica(
  base: Omit<Deps, 'operator'>,
  { operatorUser, nativeClamp, signingKey, adapters }: ClusterIdentity,
  signal: AbortSignal,
): Promise<void> {
  const { config, client, scheduler, log, metrics } = base;
  /** Set once the webhook listens. */
  let port: number | undefined;
  const created = createOperator({
    ...{ client, scheduler, log, metrics },
    namespace: config.namespace,
    identity: config.identity,
    rollbacksPerHour: config.rollbacksPerHour,
    ...{ signingKey, adapters, operatorUser },
    nativeClamp: nativeClamp ? { operatorUser } : undefined,
    webhookTarget: async (stop) => {
      if (port === undefined) return undefined;
      const caBundle = await readBundle(client, config, stop);
      return webhookTargetOf(config, { operatorUser, port, caBundle });
    },
  });
  const bypass = new BypassWarning(created.caches, {
    ...{ scheduler, log },
    hint: () => unreachableHint(config, { operatorUser, url: urlOf(config, port ?? 0) }),
  });
  const operator: Operator = {
    ...created,
    runAsLeader: (stop) => bypass.whileLeading(() => created.runAsLeader(stop)),
  };
  const deps: Deps = { ...base, operator };
  const webhook = createWebhook({
    ...{ config, client, scheduler, log, metrics, handlers: operator.handlers },
    redactPath: operator.redactPath,
    publish: async (listening, stop) => {
      port = listening;
      await operator.publishWebhooks(stop);
    },
  });
  const informers = (): Informer<KubeObject>[] => [...operator.informers.all(), webhook.secret];
  metrics.informers(informers);
  // Watches do not affect readiness: an outage breaks them on all replicas at once, and a webhook
  // that answers from older caches is better than no webhook.
  const ready: HealthChecks = {
    caches: () => missing(informers()),
    webhook: webhook.readinessError,
    shutdown: () => (manager.isStopping ? 'the process stops' : undefined),
  };
  const manager = new Manager({
    scheduler,
    log,
    stopMs: STOP_MS + config.shutdownDelaySeconds * 1000,
    groups: [
      { name: 'health', runnables: [health(deps, ready)] },
      { name: 'caches', runnables: operator.runnables },
      { name: 'webhook', runnables: webhook.runnables },
      { name: 'leading', runnables: [leadership(deps), webhook.drain] },
    ],
  });
  await manager.run(signal);
}

/** Reads the Secret from the server: another replica may have rotated the certificates. */
async function readBundle(
  client: Client,
  { namespace }: Config,
  signal: AbortSignal,
): Promise<string> {
  const key = { namespace, name: OBJECT_NAMES.certificates };
  const { data } = await client.get<Secret>(RESOURCES.secret, key, { signal });
  const { 'ca.crt': bundle = '' } = data ?? {};
  if (bundle !== '') return bundle;
  throw new Error(
    `read ca.crt of secret ${namespace}/${OBJECT_NAMES.certificates}: it is empty; the operator issues a new certificate`,
  );
}

interface Endpoint {
  readonly operatorUser: string;
  readonly port: number;
  /** Base64-encoded PEM. */
  readonly caBundle: string;
}

function webhookTargetOf(
  config: Config,
  { operatorUser, port, caBundle }: Endpoint,
): WebhookTarget {
  const { namespace, service } = config;
  const url = urlOf(config, port);
  return {
    operatorUser,
    operatorNamespace: namespace,
    clientConfig: (path) =>
      url === undefined
        ? { caBundle, service: { namespace, name: service, path, port: 443 } }
        : { caBundle, url: `${url}${path}` },
  };
}

/** The URL at which the API server calls the webhook; `undefined`: it uses the Service. */
const urlOf = ({ webhookUrlHost: host }: Config, port: number): string | undefined =>
  host === undefined ? undefined : `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;

function health({ config, scheduler, log, metrics }: Deps, ready: HealthChecks): Runnable {
  const { healthHost: host, healthPort: port } = config;
  return serverRunnable('health', new HealthServer({ scheduler, log, metrics, host, port, ready }));
}

function missing(informers: readonly Informer<KubeObject>[]): string | undefined {
  const empty = informers.filter(({ synced }) => !synced).map(({ resource }) => resource.plural);
  return empty.length === 0 ? undefined : `not listed yet: ${empty.join(', ')}`;
}

function leadership({ config, client, scheduler, log, metrics, operator }: Deps): Runnable {
  const observe = metrics.leader(OBJECT_NAMES.lease);
  if (!config.leaderElection) {
    observe(true);
    return { name: 'controllers', start: operator.runAsLeader };
  }
  return {
    name: 'leader-election',
    start: async (stop) => {
      const elector = new LeaderElector({
        ...{ client, scheduler, log, namespace: config.namespace, name: OBJECT_NAMES.lease },
        identity: config.identity,
        observe,
        onNewLeader: (leader) => {
          if (leader !== config.identity)
            log.info('standing by; another replica has the lease', { leader });
        },
        onStartedLeading: async (signal) => {
          log.info('leading', { identity: config.identity });
          await operator.runAsLeader(signal);
          await whenAborted(signal);
          if (!stop.aborted) throw new Error('leadership was lost; restarting as a standby');
        },
      });
      await elector.start(stop);
    },
  };
}
