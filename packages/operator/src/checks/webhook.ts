// SPDX-License-Identifier: Apache-2.0
import { createHmac } from 'node:crypto';
import { parseWebhookAnswer, type WebhookAnswer, type WebhookRead } from '@altershield/core';
import {
  DeadlineSignal,
  RESOURCES,
  createUndiciTransport,
  fixedCredentials,
  isForbidden,
  type Client,
  type ConnectionConfig,
  type HttpResponse,
  type KubeObject,
  type Scheduler,
  type Transport,
} from '@altershield/kube';
import type { ChangeObject } from '../objects.ts';
import { ReadError } from './read-error.ts';

/** Longer answers are not read. */
const MAX_BYTES = 65_536;

export interface WebhooksDeps {
  readonly client: Pick<Client, 'get'>;
  readonly scheduler: Scheduler;
  /** The user that needs the permission to read Secrets. */
  readonly operatorUser: string;
  readonly transportTo?: (config: ConnectionConfig) => Transport;
}

interface Ask {
  readonly read: WebhookRead;
  readonly change: Pick<ChangeObject, 'metadata' | 'spec'>;
  /** Unique for this question; the same when it is sent again. */
  readonly id: string;
}

/** Asks plug-ins: bounded in time and size, signed, and with nothing of the answer but its fields. */
export class Webhooks {
  readonly #deps: WebhooksDeps;

  constructor(deps: WebhooksDeps) {
    this.#deps = deps;
  }

  /** Rejects with a `ReadError` unless there is a valid answer to this question. */
  async ask(ask: Ask, signal: AbortSignal): Promise<WebhookAnswer> {
    const { scheduler } = this.#deps;
    const { url, timeoutSeconds } = ask.read;
    const link = new DeadlineSignal(signal);
    link.arm(scheduler, timeoutSeconds * 1000, 'deadline');
    try {
      return await this.#exchange(ask, link.signal);
    } catch (error) {
      if (error instanceof ReadError || signal.aborted) throw error;
      const text = link.signal.aborted
        ? `${url} did not answer within ${timeoutSeconds} s`
        : `cannot reach ${url}: ${error instanceof Error ? error.message : String(error)}`;
      throw unavailable(text, error);
    } finally {
      link.dispose();
    }
  }

  async #exchange(ask: Ask, signal: AbortSignal): Promise<WebhookAnswer> {
    const { transportTo = realTransport } = this.#deps;
    const { url, ca } = ask.read;
    const { origin, pathname, search } = new URL(url);
    const body = bodyOf(ask);
    const headers = await this.#headersFor(ask, body);
    const config = { server: origin, credentials: fixedCredentials({}) };
    const transport = transportTo(ca === undefined ? config : { ...config, ca });
    try {
      const path = pathname + search;
      const request = { method: 'POST', path, headers, body, signal, stream: false } as const;
      return await understand(await transport.request(request), ask);
    } finally {
      void transport.close().catch(() => undefined);
    }
  }

  async #headersFor(ask: Ask, body: string): Promise<Record<string, string>> {
    const timestamp = String(Math.floor(this.#deps.scheduler.now() / 1000));
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json',
      'idempotency-key': ask.id,
      'altershield-protocol': '1',
      'altershield-timestamp': timestamp,
      'altershield-timeout': String(ask.read.timeoutSeconds),
    };
    const key = await this.#keyOf(ask);
    if (key === undefined) return headers;
    const hmac = createHmac('sha256', key).update(`${timestamp}.${body}`).digest('hex');
    return { ...headers, 'altershield-signature': `v1=${hmac}` };
  }

  async #keyOf({ read: { secretRef }, change }: Ask): Promise<Buffer | undefined> {
    if (secretRef === undefined) return undefined;
    const { namespace } = change.spec.policy;
    const { name, key } = secretRef;
    const secret = await this.#secret({ namespace, name });
    const encoded = secret.data?.[key];
    const value = Buffer.from(encoded ?? '', 'base64');
    if (value.length > 0) return value;
    throw unavailable(`Secret ${namespace}/${name} has no key ${key}, which signs the request`);
  }

  async #secret(key: { readonly namespace: string; readonly name: string }): Promise<Secret> {
    try {
      return await this.#deps.client.get<Secret>(RESOURCES.secret, key);
    } catch (error) {
      const { namespace, name } = key;
      const hint = isForbidden(error)
        ? `; permit it: ${grantOf(key, this.#deps.operatorUser)}`
        : `: ${error instanceof Error ? error.message : String(error)}`;
      throw unavailable(`cannot read Secret ${namespace}/${name}${hint}`, error);
    }
  }
}

type Secret = KubeObject & { readonly data?: Readonly<Record<string, string>> };

const realTransport = (config: ConnectionConfig): Transport =>
  createUndiciTransport(config, { connections: 1, peer: 'the plug-in' });

const unavailable = (message: string, cause?: unknown): ReadError =>
  new ReadError('PluginUnavailable', message, { cause });

const bodyOf = ({ read, change: { metadata }, id }: Ask): string => {
  const change = { ...Object(read.question['change']), uid: metadata.uid } as object;
  return JSON.stringify({ ...read.question, id, change });
};

async function understand(response: HttpResponse, ask: Ask): Promise<WebhookAnswer> {
  const { url } = ask.read;
  const { status, headers } = response;
  const text = await textOf(response, url);
  const retryAfterSeconds = secondsIn(headers['retry-after']);
  if (status === 202) {
    const message = 'the plug-in works on its answer';
    return { ...{ type: 'Webhook', verdict: 'Pending', message }, ...retryAfterSeconds };
  }
  if (status !== 200) throw unavailable(`${url} answered ${status}${HINTS[status] ?? ''}`);
  const answer = parseWebhookAnswer(text, ask.id);
  if (typeof answer === 'string') throw unavailable(`${url}: ${answer}`);
  return { ...retryAfterSeconds, ...answer };
}

const HINTS: Readonly<Record<number, string>> = {
  401: '; check that both sides have the same key',
  403: '; check that both sides have the same key',
  415: '; it does not speak version 1 of the protocol',
};

/** A longer wait than an hour, or a date, is not understood: the interval then applies. */
function secondsIn(header: string | undefined): { readonly retryAfterSeconds?: number } {
  const seconds = /^\d{1,4}$/.test(header ?? '') ? Number(header) : undefined;
  return seconds === undefined || seconds > 3600 ? {} : { retryAfterSeconds: seconds };
}

async function textOf({ body }: HttpResponse, url: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > MAX_BYTES) throw unavailable(`${url} answered with more than 64 KiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The commands that permit the operator to read this Secret, and nothing else. */
function grantOf({ namespace, name }: { namespace: string; name: string }, user: string): string {
  const role = `altershield-webhook-${name}`;
  return [
    `kubectl create role ${role} -n ${namespace} --verb=get --resource=secrets --resource-name=${name}`,
    `kubectl create rolebinding ${role} -n ${namespace} --role=${role} --user=${user}`,
  ].join(' && ');
}
