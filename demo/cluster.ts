// SPDX-License-Identifier: Apache-2.0
import type { ChangePod, ChangePolicy, ChangeWorkload } from '@altershield/api';
import type { Deployment, Pod } from '@altershield/core';
import type { Client, KubeObject, Scheduler } from '@altershield/kube';

/** Who acts in the story. */
export type User = 'admin' | 'developer' | 'gitops';

/** Where the story takes place: a cluster with the operator running, and the people who use it. */
export interface Cluster {
  /** The cluster's clock. */
  readonly scheduler: Scheduler;
  client(user: User): Client;
  /** Time for the audience to read, in milliseconds of its own; a stage in a hurry takes none. */
  pause(ms: number): Promise<void>;
  /** The last lines of the operator's log, for when the story goes wrong. */
  operatorLog(): readonly string[];
  /** Leaves nothing behind. */
  stop(): Promise<void>;
}

/** Says what a stage is doing while it is set up. */
export type Progress = (line: string) => void;

export const NAMESPACE = 'shop';
export const NAME = 'checkout';
export const WORKLOAD = { namespace: NAMESPACE, name: NAME } as const;

export type PolicyObject = KubeObject & ChangePolicy;
export type ChangeObject = KubeObject & ChangeWorkload;
export type ChangePodObject = KubeObject & ChangePod;
export type DeploymentObject = KubeObject & Deployment;
export type PodObject = KubeObject & Pod & { readonly spec: { readonly containers: unknown } };

/** `1.1` of `shop/checkout:1.1`. */
export const tagOf = (image = ''): string => image.slice(image.lastIndexOf(':') + 1);
