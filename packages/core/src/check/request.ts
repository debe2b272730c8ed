// SPDX-License-Identifier: Apache-2.0
import type { WebhookAnswer } from './webhook-answer.ts';

/** One range query. Times and steps are milliseconds; the end is inclusive. */
export interface RangeQuery {
  /** PromQL. */
  readonly expression: string;
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** Range queries to one MetricSource, by a name that the check chooses. */
export interface QueryRead {
  readonly type: 'Query';
  /** Name of the MetricSource; absent: the default one. */
  readonly source?: string | undefined;
  readonly queries: Readonly<Record<string, RangeQuery>>;
}

/** A question to a plug-in. */
export interface WebhookRead {
  readonly type: 'Webhook';
  readonly url: string;
  /** The key that signs it, in the namespace of the policy; absent: it is not signed. */
  readonly secretRef?: { readonly name: string; readonly key: string } | undefined;
  readonly ca?: string | undefined;
  readonly timeoutSeconds: number;
  /** JSON; the reader adds what is its own. */
  readonly question: Readonly<Record<string, unknown>>;
}

/** What a check wants to have read from outside of the cluster's state, by type. */
export type Read = QueryRead | WebhookRead;

export type Answer = QueryAnswer | WebhookAnswer;

/**
 * A request of a check for data that is not in the caches. It is plain data: what reads it decides
 * nothing.
 */
export interface CheckRequest {
  /** Name of the check. */
  readonly check: string;
  /** Requests of one check with the same key ask for the same answer, which is read once. */
  readonly key: string;
  readonly read: Read;
}

/** One time series. Both arrays have the same length; times are milliseconds and ascend. */
export interface TimeSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly times: readonly number[];
  /** Never NaN: a missing value is left out. */
  readonly values: readonly number[];
}

/** The answer to a `QueryRead`: the series of each query. */
export interface QueryAnswer {
  readonly type: 'Query';
  readonly series: Readonly<Record<string, readonly TimeSeries[]>>;
}

/** The newest answer to a request of a check; `error` when it could not be read. */
export interface Reading {
  readonly key: string;
  readonly read: Read;
  /** When it was read; milliseconds since the epoch. */
  readonly at: number;
  readonly answer?: Answer;
  /** Why there is no answer, as a sentence with a hint. */
  readonly error?: { readonly reason: string; readonly message: string };
}

/** The newest reading of each check of the batch in progress, by the name of the check. */
export type Readings = ReadonlyMap<string, Reading>;
