// SPDX-License-Identifier: Apache-2.0
import type { MetricSourceSpec } from '@altershield/api';
import type { RangeQuery, TimeSeries } from '@altershield/core';
import type { SourceHttp } from './http.ts';
import { failureOf } from './prometheus.ts';
import { SourceError, excerpt, type SourceClient } from './source-client.ts';
import { labelsOf, timeSeries } from './time-series.ts';

type Settings = Pick<NonNullable<MetricSourceSpec['holoinsight']>, 'tenant' | 'api'>;

const PROBE_LABEL = 'altershield_probe';

/**
 * HoloInsight answers an error of its Prometheus, an unknown tenant and an empty result alike: with an
 * empty list. With this, a query that works never has an empty result. The line break ends a comment.
 */
const withProbe = (query: string): string =>
  `(${query}\n) or on() label_replace(vector(1), "${PROBE_LABEL}", "1", "", "")`;

/** Queries HoloInsight, by PromQL or by its own model. */
export class HoloInsightClient implements SourceClient {
  readonly #http: SourceHttp;
  readonly #settings: Settings;

  constructor(http: SourceHttp, settings: Settings) {
    this.#http = http;
    this.#settings = settings;
  }

  async range(query: RangeQuery, signal: AbortSignal): Promise<readonly TimeSeries[]> {
    return this.#settings.api === 'PQL'
      ? this.#pql(query, signal)
      : this.#datasources(query, signal);
  }

  async #pql(query: RangeQuery, signal: AbortSignal): Promise<readonly TimeSeries[]> {
    const { expression, start, end, step } = query;
    // Times are milliseconds, and so is the step, which the server divides by 1000.
    const data = await this.#ask(
      '/webapi/v1/query/pql/range',
      {
        ...{ query: withProbe(expression), start, end, step: Math.max(1000, step) },
        timeout: `${this.#http.timeoutSeconds}s`,
      },
      { query, signal },
    );
    const series = seriesOf(data, query);
    if (series.length === 0) {
      const text = `${this.#http.name} answered the query ${excerpt(expression)} with nothing at all, as it does after an error; check the query, the tenant, and the Prometheus behind it`;
      throw new SourceError('Unavailable', text);
    }
    return series.filter(({ labels }) => labels[PROBE_LABEL] === undefined);
  }

  async #datasources(query: RangeQuery, signal: AbortSignal): Promise<readonly TimeSeries[]> {
    const failed = failureOf(query, this.#http.name);
    const model = parse(query.expression);
    if (!Array.isArray(model?.['datasources'])) {
      throw failed('it is not JSON with datasources, as the api Query needs it');
    }
    const { start, end } = query;
    const datasources = model['datasources'].map((each: unknown) => ({
      ...literally(each),
      ...{ start, end },
    }));
    const data = await this.#ask('/webapi/v1/query', { ...model, datasources }, { query, signal });
    const { results } = { ...Object(data) } as { readonly results?: unknown };
    return seriesOf(results, query);
  }

  async #ask(
    path: string,
    body: object,
    { query, signal }: { readonly query: RangeQuery; readonly signal: AbortSignal },
  ): Promise<unknown> {
    const { tenant } = this.#settings;
    const text = JSON.stringify({ ...(tenant === undefined ? {} : { tenant }), ...body });
    const { status, json } = await this.#http.post(
      path,
      { type: 'application/json', text },
      signal,
    );
    const { success, message, data } = { ...Object(json) } as Readonly<
      Record<'success' | 'message' | 'data', unknown>
    >;
    if (success === true) return data;
    throw failureOf(query, this.#http.name)(`${status} ${excerpt(String(message))}`);
  }
}

/** `$pods` is a regular expression; filters by literal values take the names as they are. */
function literally(datasource: unknown): object {
  const { filters, ...rest } = { ...Object(datasource) } as { readonly filters?: unknown };
  if (!Array.isArray(filters)) return rest;
  return { ...rest, filters: filters.map(literalFilter) };
}

function literalFilter(filter: unknown): unknown {
  const { type, value } = { ...Object(filter) } as Readonly<Record<'type' | 'value', unknown>>;
  const isLiteral = typeof type === 'string' && /literal/.test(type);
  if (!isLiteral || typeof value !== 'string') return filter;
  return { ...Object(filter), value: value.replaceAll('\\.', '.') } as unknown;
}

const seriesOf = (results: unknown, query: RangeQuery): TimeSeries[] =>
  (Array.isArray(results) ? results : []).map((each: unknown) => {
    const { tags, values } = { ...Object(each) } as Readonly<Record<'tags' | 'values', unknown>>;
    return timeSeries(labelsOf(tags), values, { query, unitMs: 1 });
  });

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return { ...Object(JSON.parse(text)) } as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}
