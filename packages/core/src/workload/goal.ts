// SPDX-License-Identifier: Apache-2.0
import type { Template } from '../json/objects.ts';

/** Fingerprints of the revision that a change came from, and of the one that it brings. */
interface Route {
  readonly from: string;
  readonly to: string;
}

/** Since when a rollout has failed, and why. */
export interface RolloutFailure {
  readonly since: string;
  readonly message: string;
}

/** What is wanted of the workload. Planning one that is reached gives no write. */
export type Goal =
  /** Release nothing more than is released. */
  | ({ readonly type: 'Hold' } & Route)
  | ({
      readonly type: 'Release';
      /** Pods that the new revision may have. */
      readonly target: number;
      readonly isLast: boolean;
      /** New pods find no place: stable ones may go first, as far as the user's bounds allow. */
      readonly needsRoom: boolean;
      /** The controller may have given up while no operator answered it: it is woken. */
      readonly wakes?: boolean;
      /** Until when the batch soaks: without news of its own, the rollout must not miss its progress deadline. */
      readonly soaksUntil?: number;
    } & Route)
  | ({
      readonly type: 'RollBack';
      readonly template: Template;
      /** Whose fields the template's were when it was verified. */
      readonly ownership?: string;
      /** AlterShield rolls back, not the user: pods that are not ready go at once. */
      readonly isOwn: boolean;
      readonly keepsHold: boolean;
      /** Of the rollout that AlterShield ends, for the tools that wait for it. */
      readonly failure?: RolloutFailure;
    } & Route)
  /** Nothing is released: what the template says is the revision to protect. */
  | {
      readonly type: 'Rest';
      /** True: also what is applied while no operator runs is held. */
      readonly keepsHold: boolean;
      /** A record names who wrote the template: the mark that does may go in the same write. */
      readonly forgetsActor: boolean;
    }
  /** Nothing caps the workload any more. */
  | { readonly type: 'LetGo' };
