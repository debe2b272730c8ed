// SPDX-License-Identifier: Apache-2.0
import type { Template } from '../json/objects.ts';

/** Fingerprints of the revisions that a change goes from and to. */
interface Route {
  readonly from: string;
  readonly to: string;
}

/** The pods that Services select. */
export type Traffic = 'Stable' | 'Updated';

/** When and why a rollout failed. */
export interface RolloutFailure {
  readonly since: string;
  readonly message: string;
}

/** The state wanted for a workload. Planning a goal that is reached returns no writes. */
export type Goal =
  | ({
      /** Release no more pods than are released already. */
      readonly type: 'Hold';
      /** All stable pods stay with them. */
      readonly isBeside?: true;
      /** The change has failed: where it cannot be rolled back, its pods are stopped. */
      readonly stops?: true;
    } & Route)
  | ({
      readonly type: 'Release';
      /** Sequence number of the change: an object that the release creates is named by it. */
      readonly sequence: number;
      /** Updated pods that may exist. */
      readonly target: number;
      readonly isLast: boolean;
      /** The pods of a batch are those of the nodes with one value of this label. */
      readonly topologyKey?: string;
      /**
       * All updated pods run beside all stable pods, and the Services select the one or the other.
       */
      readonly traffic?: Traffic;
      /** Percentage of the requests that HTTPRoutes send to updated pods. Absent: as the user wrote. */
      readonly weight?: number;
      /**
       * Updated pods cannot be scheduled or created: remove stable pods first, within the user's
       * bounds.
       */
      readonly needsRoom: boolean;
      /** The controller may have given up while no operator answered: trigger it again. */
      readonly wakes?: boolean;
      /**
       * End of the soak, as a time. Until then the rollout makes no progress, but must not exceed
       * its progress deadline.
       */
      readonly soaksUntil?: number;
    } & Route)
  | ({
      readonly type: 'RollBack';
      readonly template: Template;
      /** Field ownership of the template when it was verified. */
      readonly ownership?: string;
      /** AlterShield rolls back, not the user: pods that are not ready are removed at once. */
      readonly isOwn: boolean;
      readonly keepsHold: boolean;
      /** Failure of the rollout that AlterShield ends, reported to tools that wait for it. */
      readonly failure?: RolloutFailure;
    } & Route)
  /** No change is being released: protect the current template's revision. */
  | {
      readonly type: 'Rest';
      /** True: also hold changes that are applied while no operator runs. */
      readonly keepsHold: boolean;
      /**
       * A record already names the user who wrote the template, so the same write may remove the
       * actor annotation.
       */
      readonly forgetsActor: boolean;
    }
  /** Restore the user's fields and remove every annotation that holds. */
  | { readonly type: 'Restore' };
