// SPDX-License-Identifier: Apache-2.0
import { FIELD_MANAGER } from '@altershield/api';
import type { WebhookPlace } from '@altershield/core';
import {
  AdmissionServer,
  CertificateManager,
  Client,
  HealthServer,
  Informer,
  LeaderElector,
  Manager,
  RESOURCES,
  createMetrics,
  createUndiciTransport,
  loadConfig,
  serverRunnable,
  whenAborted,
  type CertificateSet,
  type Logger,
  type Metrics,
  type Runnable,
  type Scheduler,
  type Secret,
} from '@altershield/kube';
import type { Config } from './config.ts';
import { createOperator, type Operator } from './operator.ts';
import { freePort } from './free-port.ts';
import { preflight, whoAmI } from './preflight.ts';
import { ensureSealKey } from './seal-key.ts';

const SECRET = 'altershield-webhook';
const LEASE = 'altershield';

interface Parts {
  readonly config: Config;
  readonly client: Client;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly operator: Operator;
}

/** Runs one replica until `signal` aborts. Rejects with what stopped it otherwise. */
export async function serve(
  config: Config,
  scheduler: Scheduler,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const metrics = createMetrics({ scheduler, process: true });
  const { kubeconfig: path, context } = config;
  const connection = await loadConfig({ path, context, scheduler });
  const transport = createUndiciTransport(connection);
  const client = new Client({
    ...{ transport, scheduler, log, fieldManager: FIELD_MANAGER },
    observer: metrics.client,
  });
  try {
    await preflight(client, config.namespace);
    const operatorUser = await whoAmI(client);
    log.info('connected', { server: connection.server, user: operatorUser });
    await runParts({ config, client, scheduler, log, metrics }, operatorUser, signal);
  } finally {
    await transport.close();
  }
}

async function runParts(
  base: Omit<Parts, 'operator'>,
  operatorUser: string,
  signal: AbortSignal,
): Promise<void> {
  const { client, scheduler, log, metrics } = base;
  const port = base.config.webhookPort === 0 ? await freePort() : base.config.webhookPort;
  const config = { ...base.config, webhookPort: port };
  let isServing = false;
  const operator = createOperator({
    ...{ client, scheduler, log, metrics },
    namespace: config.namespace,
    identity: config.identity,
    sealKey: await ensureSealKey(client, config.namespace),
    webhookPlace: async (stop) =>
      isServing ? placeOf(config, operatorUser, await readBundle(client, config, stop)) : undefined,
  });
  const parts: Parts = { ...base, config, operator };
  const webhook = createWebhook(parts, () => {
    isServing = true;
  });
  const manager = new Manager({
    scheduler,
    log,
    groups: [
      { name: 'health', runnables: [health(parts)] },
      { name: 'caches', runnables: operator.always },
      { name: 'webhook', runnables: webhook },
      { name: 'leading', runnables: [leadership(parts)] },
    ],
  });
  await manager.run(signal);
}

/** What is in the Secret now: another replica may have rotated the certificates meanwhile. */
async function readBundle(
  client: Client,
  { namespace }: Config,
  signal: AbortSignal,
): Promise<string> {
  const key = { namespace, name: SECRET };
  const { data } = await client.get<Secret>(RESOURCES.secret, key, { signal });
  const { 'ca.crt': bundle = '' } = data ?? {};
  if (bundle !== '') return bundle;
  throw new Error(`read ca.crt of secret ${namespace}/${SECRET}: it is empty; it is issued anew`);
}

/** @param caBundle PEM in base64 */
function placeOf(config: Config, operatorUser: string, caBundle: string): WebhookPlace {
  const { namespace, service, webhookUrlHost, webhookPort } = config;
  return {
    operatorUser,
    operatorNamespace: namespace,
    clientConfig: (path) =>
      webhookUrlHost === undefined
        ? { caBundle, service: { namespace, name: service, path, port: 443 } }
        : { caBundle, url: `https://${webhookUrlHost}:${webhookPort}${path}` },
  };
}

function health({ config, scheduler, log, metrics, operator }: Parts): Runnable {
  const server = new HealthServer({
    ...{ scheduler, log, metrics },
    host: config.healthHost,
    port: config.healthPort,
    ready: {
      caches: () => (operator.informers.synced ? undefined : 'the caches are not filled yet'),
    },
  });
  return serverRunnable('health', server);
}

/** The server, its certificate, and the configurations that make the API server call it. */
function createWebhook(parts: Parts, onListening: () => void): Runnable[] {
  const { config, client, scheduler, log, metrics, operator } = parts;
  const { namespace, service, webhookUrlHost } = config;
  let server: AdmissionServer | undefined;
  let listening: Promise<unknown> | undefined;
  const take = (set: CertificateSet): void => {
    if (server === undefined) {
      server = new AdmissionServer({
        ...{ scheduler, log, handlers: operator.handlers, certificate: set },
        host: config.webhookHost,
        port: config.webhookPort,
        observe: (seen) => {
          metrics.webhook({ ...seen, path: operator.shownPath(seen.path) });
        },
      });
      listening = server.listen();
    } else server.setCertificate(set);
  };
  const certificates = new CertificateManager({
    ...{ client, scheduler, log, namespace, name: SECRET },
    dnsNames: [`${service}.${namespace}.svc`, `${service}.${namespace}.svc.cluster.local`],
    ips: webhookUrlHost === undefined ? [] : ['127.0.0.1'],
    onCertificate: (set, { expiresAt }) => {
      take(set);
      metrics.certificate(expiresAt);
    },
    publish: async (_caBundle, signal) => {
      await listening;
      onListening();
      await operator.publishWebhooks(signal);
    },
  });
  return [
    certificateRunnable(certificates, () => server?.close()),
    secretWatch(parts, certificates),
  ];
}

const certificateRunnable = (
  certificates: CertificateManager,
  close: () => Promise<void> | undefined,
): Runnable => ({
  name: 'webhook',
  whenReady: () => certificates.whenReady(),
  start: async (signal) => {
    await certificates.start(signal);
    await close();
  },
});

/** Another replica may rotate the certificates; a person may delete them. */
function secretWatch(
  { config, client, scheduler, log }: Parts,
  certificates: CertificateManager,
): Runnable {
  const secrets = new Informer({
    ...{ client, scheduler, log, resource: RESOURCES.secret, namespace: config.namespace },
    fieldSelector: `metadata.name=${SECRET}`,
  });
  secrets.onEvent(({ initial }) => {
    if (!initial) certificates.secretChanged();
  });
  return { name: 'webhook-secret', start: (signal) => secrets.start(signal) };
}

function leadership({ config, client, scheduler, log, metrics, operator }: Parts): Runnable {
  if (!config.leaderElection) return { name: 'controllers', start: operator.leading };
  return {
    name: 'leader-election',
    start: async (stop) => {
      const elector = new LeaderElector({
        ...{ client, scheduler, log, namespace: config.namespace, name: LEASE },
        identity: config.identity,
        observe: metrics.leader(LEASE),
        onStartedLeading: async (signal) => {
          log.info('leading', { identity: config.identity });
          await operator.leading(signal);
          await whenAborted(signal);
          if (!stop.aborted) throw new Error('leadership was lost; starting over as a standby');
        },
      });
      await elector.start(stop);
    },
  };
}
