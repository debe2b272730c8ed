// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/** RFC 3339. A plain string, so that every stored object remains readable. */
export const time = (description: string) =>
  z.string().max(40).meta({ format: 'date-time' }).describe(description);

export const text = (max: number, description: string) => z.string().max(max).describe(description);

export const count = (description: string, min = 0) => z.int32().min(min).describe(description);

/** One description that lists the phases of a kind with their meanings. */
export const phaseText = (texts: Readonly<Record<string, string>>): string =>
  Object.entries(texts)
    .map(([phase, meaning]) => `${phase}: ${meaning}.`)
    .join(' ');

export const targetRef = z
  .strictObject({
    apiVersion: text(317, 'API version of the workload.'),
    kind: text(63, 'Kind of the workload.'),
    name: text(253, 'Name of the workload.'),
    uid: text(64, 'Its uid: another object under the same name is another target.'),
  })
  .describe('The workload that changes.');

/** Fields of another kind, as the API server stores them. */
export const anyFields = (description: string) =>
  z
    .record(z.string(), z.unknown())
    .meta({ 'x-kubernetes-preserve-unknown-fields': true })
    .describe(description);

export const VERDICTS = ['None', 'Pending', 'Pass', 'Fail', 'Inconclusive'] as const;
export type Verdict = (typeof VERDICTS)[number];
export const verdict = z
  .enum(VERDICTS)
  .describe('What the checks say. A timeout or missing data is Inconclusive, never a Pass.');

/** Decisions of users on a change. */
export const DECISIONS = [
  'Approve',
  'Reject',
  'Pause',
  'Resume',
  'Skip',
  'RollBack',
  'Lift',
] as const;
export type DecisionAction = (typeof DECISIONS)[number];

export const evidence = z.strictObject({
  pod: text(253, 'The pod; absent when pods cannot be created.').optional(),
  node: text(253, 'Its node.').optional(),
  container: text(63, 'The container.').optional(),
  reason: text(64, 'ImagePullBackOff, CrashLoopBackOff, OOMKilled, FailedCreate, …'),
  message: text(512, 'The text of the kubelet, the scheduler or the API server.').optional(),
  restarts: count('Restarts of the container.').optional(),
});

/** Conditions in the form of Kubernetes; `message` describes their `message` field. */
export const conditions = (message: string) =>
  z
    .array(
      z.strictObject({
        type: text(316, 'Type of the condition.'),
        status: z.enum(['True', 'False', 'Unknown']),
        reason: text(1024, 'CamelCase reason.'),
        message: text(32_768, message),
        lastTransitionTime: time('When the status last changed.'),
        observedGeneration: count('The generation that the condition describes.').optional(),
      }),
    )
    .max(8)
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] });

export interface ObjectMeta {
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

/** A stored object of AlterShield. `status` is absent until the operator writes it. */
export interface CustomResource<S, T> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: S;
  readonly status?: T;
}

export type DeepReadonly<T> = T extends (infer U)[]
  ? readonly DeepReadonly<U>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;
