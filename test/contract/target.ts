// SPDX-License-Identifier: Apache-2.0

import { sleep, type Client, type KubeObject, type Scheduler } from '@altershield/kube';
import { eventually } from '@altershield/testing/eventually';

/** What a webhook of the suite is asked. */
export interface ReviewRequest {
  readonly uid: string;
  readonly operation: string;
  /** Absent while a generated name is not known yet. */
  readonly name?: string;
  readonly namespace: string;
  readonly subResource?: string;
  readonly dryRun: boolean;
  readonly userInfo: { readonly username: string; readonly groups?: readonly string[] };
  readonly resource: {
    readonly group: string;
    readonly version: string;
    readonly resource: string;
  };
  readonly object: KubeObject | null;
  readonly oldObject: KubeObject | null;
}

/** What it answers: a refusal, a JSON patch, warnings, or nothing but yes. */
export interface ReviewResponse {
  readonly denied?: { readonly code: number; readonly reason: string; readonly message: string };
  readonly patch?: readonly object[];
  readonly warnings?: readonly string[];
}

export interface WebhookAddress {
  readonly url: string;
  /** Base64 of PEM, as webhook configurations have it. */
  readonly caBundle: string;
}

/** A cluster that has to behave as Kubernetes does: the sandbox, or a real control plane. */
export interface ContractTarget {
  readonly admin: Client;
  /** An ordinary user; `alice` to the API server. */
  readonly developer: Client;
  /** The target's time: everything that waits asks it. */
  readonly scheduler: Scheduler;
  /** A new, empty namespace in which the developer may edit. */
  namespace(labels?: Readonly<Record<string, string>>): Promise<string>;
  /** Serves a webhook that the API server can call. */
  webhook(answer: (request: ReviewRequest) => ReviewResponse): Promise<WebhookAddress>;
}

/** One thing that every target does. */
export interface Behavior {
  /** A plain sentence. */
  readonly name: string;
  readonly check: (target: ContractTarget) => Promise<void>;
}

export const behavior = (name: string, check: Behavior['check']): Behavior => ({ name, check });

export const pause = ({ scheduler }: ContractTarget, ms: number): Promise<void> =>
  sleep(scheduler, ms);

/** `eventually`, by the clock of the target. */
export const until = <T>(
  { scheduler }: ContractTarget,
  what: string,
  look: () => Promise<T>,
  timeoutMs = 30_000,
): Promise<Exclude<T, undefined | false>> =>
  eventually(look, { what, timeoutMs, everyMs: 50, scheduler });
