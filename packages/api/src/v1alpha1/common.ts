// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/** RFC 3339. Kept a plain string so that no stored record becomes unreadable. */
export const time = (description: string) =>
  z.string().max(40).meta({ format: 'date-time' }).describe(description);

export const text = (max: number, description: string) => z.string().max(max).describe(description);

export const count = (description: string, min = 0) => z.int32().min(min).describe(description);

export const targetRef = z
  .strictObject({
    apiVersion: text(317, 'API version of the workload.'),
    kind: text(63, 'Kind of the workload.'),
    name: text(253, 'Name of the workload.'),
    uid: text(64, 'Its uid: another object under the same name is another target.'),
  })
  .describe('The workload that changes.');

/** A pod template as the API server stores it. */
export const podTemplate = (description: string) =>
  z
    .record(z.string(), z.unknown())
    .meta({ 'x-kubernetes-preserve-unknown-fields': true })
    .describe(description);

export const VERDICTS = ['None', 'Pending', 'Pass', 'Fail', 'Inconclusive'] as const;
export type Verdict = (typeof VERDICTS)[number];
export const verdict = z
  .enum(VERDICTS)
  .describe('What the checks say. A timeout or missing data is Inconclusive, never a Pass.');

export interface Meta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A stored object of ours. `status` is absent until the operator wrote it. */
export interface Stored<S, T> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Meta;
  readonly spec: S;
  readonly status?: T;
}

export type DeepReadonly<T> = T extends (infer U)[]
  ? readonly DeepReadonly<U>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;
