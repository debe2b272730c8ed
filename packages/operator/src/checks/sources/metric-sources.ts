// SPDX-License-Identifier: Apache-2.0
import { metricSourceSpec, type CheckReason, type MetricSourceSpec } from '@altershield/api';
import type { QueryAnswer, QueryRead, RangeQuery, TimeSeries } from '@altershield/core';
import {
  RESOURCES,
  createUndiciTransport,
  keyOf,
  keyString,
  type Client,
  type ConnectionConfig,
  type KubeObject,
  type Scheduler,
  type Transport,
} from '@altershield/kube';
import type { Caches } from '../../caches/caches.ts';
import type { ChangeObject, MetricSourceObject } from '../../objects.ts';
import { ReadError } from '../read-error.ts';
import { HoloInsightClient } from './holoinsight.ts';
import { connectionOf, type SecretAccess } from './connection.ts';
import { SourceHttp } from './http.ts';
import { PrometheusClient } from './prometheus.ts';
import { resolveSource } from './resolve.ts';
import { SourceError, type SourceClient, type SourceFailure } from './source-client.ts';

/** How long credentials are used before their Secrets are read again. */
const SECRETS_MS = 60_000;

export interface MetricSourcesDeps {
  readonly caches: Pick<Caches, 'metricSources'>;
  readonly client: Pick<Client, 'get'>;
  readonly scheduler: Scheduler;
  /** The operator's namespace: its sources serve every policy. */
  readonly namespace: string;
  readonly operatorUser: string;
  readonly transportTo?: (config: ConnectionConfig, connections: number) => Transport;
}

interface Connected {
  readonly generation: number | undefined;
  /** To recognize other credentials. */
  readonly fingerprint: string;
  readonly transport: Transport;
  readonly client: SourceClient;
  readonly readAt: number;
}

/** The clients of all MetricSources; each is connected when it is first needed. */
export class MetricSources {
  readonly #deps: MetricSourcesDeps;
  readonly #connected = new Map<string, Connected>();
  /** By uid: concurrent queries wait for the same read of the Secrets. */
  readonly #connecting = new Map<string, Promise<Connected>>();
  /** Told when a source fails or its credentials change: its condition may be wrong. */
  onNews: (source: MetricSourceObject) => void = () => undefined;

  constructor(deps: MetricSourcesDeps) {
    this.#deps = deps;
    deps.caches.metricSources.onEvent(({ type, object }) => {
      if (type === 'Deleted') this.#disconnect(object.metadata.uid);
    });
  }

  /** Answers what a metric check of a change asks for. Rejects with a `ReadError`. */
  async read(
    { queries, source }: QueryRead,
    { spec: { policy } }: Pick<ChangeObject, 'spec'>,
    signal: AbortSignal,
  ): Promise<QueryAnswer> {
    const found = this.find(policy.namespace, source);
    const answers = Object.entries(queries).map(async ([name, query]) => {
      return [name, await this.query(found, query, signal)] as const;
    });
    return { type: 'Query', series: Object.fromEntries(await Promise.all(answers)) };
  }

  /** The source that a policy in this namespace means. Throws a `ReadError` if there is none. */
  find(namespace: string, name?: string): MetricSourceObject {
    const { caches, namespace: operatorNamespace } = this.#deps;
    const found = resolveSource(caches.metricSources, { namespace, operatorNamespace, name });
    if (typeof found === 'string') throw new ReadError('SourceUnavailable', found);
    return found;
  }

  /** Whether a policy in this namespace has a source without naming one. */
  hasDefault(namespace: string): boolean {
    const { caches, namespace: operatorNamespace } = this.#deps;
    return (
      typeof resolveSource(caches.metricSources, { namespace, operatorNamespace }) !== 'string'
    );
  }

  /** Rejects with a `ReadError`. */
  async query(
    source: MetricSourceObject,
    query: RangeQuery,
    signal: AbortSignal,
  ): Promise<readonly TimeSeries[]> {
    try {
      return await this.#query(source, query, signal);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      if (error.failure !== 'InvalidQuery') this.onNews(source);
      throw new ReadError(REASONS[error.failure], error.message, { cause: error });
    }
  }

  /** Whether the source answers at all. Rejects with a `SourceError`. */
  async probe(source: MetricSourceObject, signal: AbortSignal): Promise<void> {
    const { generation } = source.metadata;
    const known = this.#connected.get(source.metadata.uid);
    const connected = await this.#connect(source, { isFresh: known?.generation === generation });
    const at = Math.floor(this.#deps.scheduler.now() / 60_000) * 60_000;
    const query = { expression: PROBE, start: at - 60_000, end: at, step: 60_000 };
    await connected.client.range(query, signal);
  }

  async #query(
    source: MetricSourceObject,
    query: RangeQuery,
    signal: AbortSignal,
  ): Promise<readonly TimeSeries[]> {
    const connected = await this.#connect(source, { isFresh: false });
    try {
      return await connected.client.range(query, signal);
    } catch (error) {
      if (!(error instanceof SourceError) || error.failure !== 'Unauthorized') throw error;
      const renewed = await this.#connect(source, { isFresh: true });
      if (renewed.fingerprint === connected.fingerprint) throw error;
      return renewed.client.range(query, signal);
    }
  }

  #connect(source: MetricSourceObject, { isFresh }: { isFresh: boolean }): Promise<Connected> {
    const { uid, generation } = source.metadata;
    const known = this.#connected.get(uid);
    const age = this.#deps.scheduler.elapsed() - (known?.readAt ?? 0);
    if (known?.generation === generation && known !== undefined) {
      if (!isFresh && age < SECRETS_MS) return Promise.resolve(known);
    }
    const pending =
      this.#connecting.get(uid) ??
      this.#open(source, known).finally(() => this.#connecting.delete(uid));
    this.#connecting.set(uid, pending);
    return pending;
  }

  /** Reads the Secrets; keeps the open connections if nothing has changed. */
  async #open(source: MetricSourceObject, known: Connected | undefined): Promise<Connected> {
    const { scheduler } = this.#deps;
    const { uid, generation } = source.metadata;
    const spec = parse(source);
    const config = await connectionOf({ key: keyOf(source), spec }, this.#secrets());
    const fingerprint = JSON.stringify([config, await config.credentials.current()]);
    const isSame = known?.generation === generation && known?.fingerprint === fingerprint;
    const made = isSame ? known : this.#make(source, spec, config);
    if (!isSame) {
      this.#disconnect(uid);
      if (known !== undefined) this.onNews(source);
    }
    const { transport, client } = made;
    const connected = { generation, fingerprint, transport, client, readAt: scheduler.elapsed() };
    this.#connected.set(uid, connected);
    return connected;
  }

  #make(
    source: MetricSourceObject,
    spec: MetricSourceSpec,
    config: ConnectionConfig,
  ): Pick<Connected, 'transport' | 'client'> {
    const { scheduler, transportTo = realTransport } = this.#deps;
    const { timeoutSeconds, maxConcurrent } = spec;
    const transport = transportTo(config, maxConcurrent);
    const name = `MetricSource ${keyString(keyOf(source))} (${config.server})`;
    const http = new SourceHttp({ transport, scheduler, timeoutSeconds, maxConcurrent, name });
    const client =
      spec.holoinsight === undefined
        ? new PrometheusClient(http)
        : new HoloInsightClient(http, spec.holoinsight);
    return { transport, client };
  }

  #secrets(): SecretAccess {
    const { client, operatorUser } = this.#deps;
    return {
      operatorUser,
      read: async (key) => {
        const { data } = await client.get<KubeObject & { readonly data?: Record<string, string> }>(
          RESOURCES.secret,
          key,
        );
        return data ?? {};
      },
    };
  }

  #disconnect(uid: string): void {
    const transport = this.#connected.get(uid)?.transport;
    this.#connected.delete(uid);
    void transport?.close().catch(() => undefined);
  }
}

/** Answers in every server with the API, whatever it stores. */
const PROBE = 'vector(1)';

const REASONS: Readonly<Record<SourceFailure, CheckReason>> = {
  Unavailable: 'SourceUnavailable',
  Unauthorized: 'SourceUnavailable',
  SecretUnavailable: 'SourceUnavailable',
  Invalid: 'SourceUnavailable',
  InvalidQuery: 'InvalidQuery',
};

const realTransport = (config: ConnectionConfig, connections: number): Transport =>
  createUndiciTransport(config, { connections, peer: 'the metric source' });

function parse({ spec }: MetricSourceObject): MetricSourceSpec {
  const parsed = metricSourceSpec.safeParse(spec);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = ['spec', ...(issue?.path ?? [])].map(String).join('.');
  throw new SourceError('Invalid', `${path}: ${issue?.message ?? 'is not valid'}`);
}
