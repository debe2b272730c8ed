// SPDX-License-Identifier: Apache-2.0

/** A part of an object as its user wrote it, for example a pod template. Read-only JSON. */
export type Template = Readonly<Record<string, unknown>>;

/** The metadata of an object that decisions read. */
export interface ObjectMeta {
  readonly name: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly { readonly uid: string; readonly controller?: boolean }[];
  readonly managedFields?: readonly unknown[];
}

export type IntOrPercent = number | string;

export interface Condition {
  readonly type: string;
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastUpdateTime?: string;
  readonly lastTransitionTime?: string;
}

/** The fields that workloads of every kind have. Other fields pass through unread. */
export interface WorkloadObject {
  readonly metadata: ObjectMeta;
  readonly spec?: object;
  readonly status?: object;
}
