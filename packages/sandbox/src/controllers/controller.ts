// SPDX-License-Identifier: Apache-2.0

/** A part of the simulated control plane that can crash and come back. */
export interface Controller {
  start(): void;
  /** Stops at once; writes that were sent still arrive. */
  stop(): void;
}
