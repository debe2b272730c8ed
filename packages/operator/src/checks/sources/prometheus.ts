// SPDX-License-Identifier: Apache-2.0
import type { RangeQuery, TimeSeries } from '@altershield/core';
import type { Answer, SourceHttp } from './http.ts';
import { SourceError, excerpt, type SourceClient } from './source-client.ts';
import { labelsOf, timeSeries } from './time-series.ts';

/** The fields of an answer that are read; a server may send anything. */
interface Envelope {
  readonly status?: unknown;
  readonly error?: unknown;
  readonly warnings?: unknown;
  readonly data?: { readonly resultType?: unknown; readonly result?: unknown };
}

/** Versions 2.48 to 2.55 have notes on the query among the warnings. */
const NOTE = 'PromQL info:';

/** Queries a server with the HTTP API of Prometheus. */
export class PrometheusClient implements SourceClient {
  readonly #http: SourceHttp;

  constructor(http: SourceHttp) {
    this.#http = http;
  }

  async range(query: RangeQuery, signal: AbortSignal): Promise<readonly TimeSeries[]> {
    const text = new URLSearchParams({
      query: query.expression,
      start: String(query.start / 1000),
      end: String(query.end / 1000),
      step: String(query.step / 1000),
      timeout: `${this.#http.timeoutSeconds}s`,
    }).toString();
    const form = { type: 'application/x-www-form-urlencoded', text };
    const answer = await this.#http.post('/api/v1/query_range', form, signal);
    return this.#seriesOf(answer, query);
  }

  #seriesOf({ status, json }: Answer, query: RangeQuery): TimeSeries[] {
    const { http, failed } = { http: this.#http, failed: failureOf(query, this.#http.name) };
    const { data, warnings, error, ...envelope } = { ...Object(json) } as Envelope;
    if (envelope.status !== 'success') {
      if (status !== 400 && status !== 422) {
        const hint = 'check that its url leads to the API of a Prometheus';
        throw new SourceError('Unavailable', `${http.name} answered ${status}; ${hint}`);
      }
      throw failed(`${status} ${excerpt(String(error))}; correct the query`);
    }
    const serious = [warnings ?? []]
      .flat()
      .map(String)
      .filter((each) => !each.startsWith(NOTE));
    if (serious.length > 0) {
      const text = `${http.name} answered with a warning, so values may be missing: ${excerpt(serious.join('; '))}`;
      throw new SourceError('Unavailable', text);
    }
    if (data?.resultType !== 'matrix' || !Array.isArray(data.result)) {
      throw failed(`the answer is not a matrix`);
    }
    return data.result.map((each: unknown) => {
      const { metric, values, histograms } = { ...Object(each) } as Readonly<
        Record<'metric' | 'values' | 'histograms', unknown>
      >;
      if (histograms !== undefined) {
        throw failed('the answer has histograms; use histogram_quantile() or histogram_avg()');
      }
      return timeSeries(labelsOf(metric), values, { query, unitMs: 1000 });
    });
  }
}

/** An error that the query is to blame for, with the query. */
export const failureOf =
  ({ expression }: RangeQuery, name: string) =>
  (what: string): SourceError =>
    new SourceError('InvalidQuery', `the query ${excerpt(expression)} to ${name}: ${what}`);
