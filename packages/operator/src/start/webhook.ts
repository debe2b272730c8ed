// SPDX-License-Identifier: Apache-2.0
import { isIP } from 'node:net';
import { OBJECT_NAMES } from '@altershield/api';
import {
  AdmissionServer,
  CertificateManager,
  Latch,
  Informer,
  RESOURCES,
  sleep,
  whenAborted,
  type AdmissionHandlers,
  type Client,
  type KubeObject,
  type Logger,
  type Metrics,
  type Runnable,
  type Scheduler,
} from '@altershield/kube';
import type { Config } from './config.ts';

export interface WebhookDeps {
  readonly config: Pick<
    Config,
    | 'namespace'
    | 'service'
    | 'webhookHost'
    | 'webhookPort'
    | 'webhookUrlHost'
    | 'shutdownDelaySeconds'
  >;
  readonly client: Pick<Client, 'get' | 'list' | 'watch' | 'create' | 'patch'>;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly handlers: AdmissionHandlers;
  /** Removes the secret from a path, for metrics. */
  readonly redactPath: (path: string) => string;
  /** Registers the webhook at this port, with the CA of the Secret. Called once it listens. */
  readonly publish: (port: number, signal: AbortSignal) => Promise<void>;
}

export interface Webhook {
  readonly runnables: readonly Runnable[];
  /** The cache of the Secret that contains the certificates. */
  readonly secret: Informer<KubeObject>;
  /**
   * Stop this before the other runnables, and wait for it: API servers learn of the shutdown with a
   * delay, and the webhook keeps answering until then.
   */
  readonly drain: Runnable;
  /** Why the API server cannot call the webhook; `undefined` if it can. */
  readonly readinessError: () => string | undefined;
}

/** The admission server and its certificate, which all replicas share. Starts nothing. */
export function createWebhook(deps: WebhookDeps): Webhook {
  const { config, scheduler, log, handlers, metrics, redactPath } = deps;
  const server = new AdmissionServer({
    ...{ scheduler, log, handlers, host: config.webhookHost, port: config.webhookPort },
    observe: (seen) => {
      metrics.webhook({ ...seen, path: redactPath(seen.path) });
    },
    inFlight: metrics.webhookInFlight,
  });
  const listener = new Listener(server, () => certificates.whenReady());
  const certificates = createCertificates(deps, server, () => listener.whenReady());
  const secret = watchSecret(deps, certificates);
  return {
    runnables: [
      certificates,
      listener,
      { name: 'webhook-secret', start: (signal) => secret.start(signal) },
    ],
    secret,
    drain: {
      name: 'webhook-drain',
      start: async (signal) => {
        await whenAborted(signal);
        server.drain();
        await sleep(scheduler, config.shutdownDelaySeconds * 1000);
      },
    },
    readinessError: () => (server.isListening ? undefined : 'the webhook does not listen yet'),
  };
}

function createCertificates(
  { config, client, scheduler, log, metrics, publish }: WebhookDeps,
  server: AdmissionServer,
  whenListening: () => Promise<void>,
): CertificateManager {
  const { namespace } = config;
  return new CertificateManager({
    ...{ client, scheduler, log, namespace, name: OBJECT_NAMES.certificates },
    ...namesOf(config),
    onCertificate: (set, { expiresAt }) => {
      server.setCertificate(set);
      metrics.certificate(expiresAt);
    },
    publish: async (_caBundle, signal) => {
      await Promise.race([whenListening(), whenAborted(signal)]);
      if (!signal.aborted) await publish(server.address.port, signal);
    },
  });
}

/** All names and addresses at which the API server may call the webhook. */
function namesOf({ namespace, service, webhookUrlHost: host }: WebhookDeps['config']): {
  readonly dnsNames: readonly string[];
  readonly ips: readonly string[];
} {
  const dnsNames = [`${service}.${namespace}.svc`, `${service}.${namespace}.svc.cluster.local`];
  if (host === undefined) return { dnsNames, ips: [] };
  const ips = ['127.0.0.1'];
  return isIP(host) === 0
    ? { dnsNames: [...dnsNames, host], ips }
    : { dnsNames, ips: [...ips, host] };
}

/** Listens as soon as there is a certificate. An unavailable port ends the process. */
class Listener implements Runnable {
  readonly name = 'webhook';
  readonly #server: AdmissionServer;
  readonly #whenCertified: () => Promise<unknown>;
  readonly #listening = new Latch();

  constructor(server: AdmissionServer, whenCertified: () => Promise<unknown>) {
    this.#server = server;
    this.#whenCertified = whenCertified;
  }

  whenReady(): Promise<void> {
    return this.#listening.opened;
  }

  async start(signal: AbortSignal): Promise<void> {
    await Promise.race([this.#whenCertified(), whenAborted(signal)]);
    if (signal.aborted) return;
    await this.#server.listen();
    this.#listening.open();
    await whenAborted(signal);
    await this.#server.close();
  }
}

/** Another replica may rotate the certificates, and a user may delete the Secret. */
function watchSecret(
  { config, client, scheduler, log }: WebhookDeps,
  certificates: CertificateManager,
): Informer<KubeObject> {
  const secret = new Informer({
    ...{ client, scheduler, log, resource: RESOURCES.secret, namespace: config.namespace },
    fieldSelector: `metadata.name=${OBJECT_NAMES.certificates}`,
  });
  secret.onEvent(({ initial }) => {
    if (!initial) certificates.secretChanged();
  });
  return secret;
}
