// SPDX-License-Identifier: Apache-2.0
import type { PatchOp } from '../../json/patch.ts';
import { SERVICE, type APIResource } from '../adapter.ts';
import { restoreService, type Service } from './service.ts';

/** A kind of a user's objects through which AlterShield sends requests to one revision. */
interface TrafficResource {
  readonly resource: APIResource;
  /** The patch that gives an object back to its user; undefined: AlterShield did not write it. */
  readonly restore: (object: Service) => readonly PatchOp[] | undefined;
}

/** What an uninstallation restores, in this order: nothing else will, once the operator is gone. */
export const TRAFFIC_RESOURCES: readonly TrafficResource[] = [
  { resource: SERVICE, restore: restoreService },
];
