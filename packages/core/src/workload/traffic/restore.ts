// SPDX-License-Identifier: Apache-2.0
import type { ObjectMeta } from '../../json/objects.ts';
import type { PatchOp } from '../../json/patch.ts';
import { SERVICE, type APIResource } from '../adapter.ts';
import { HTTP_ROUTE, restoreHttpRoute } from './http-route.ts';
import { restoreService } from './service.ts';

/** A kind of a user's objects through which AlterShield sends requests to one revision. */
interface TrafficResource {
  readonly resource: APIResource;
  /** The patch that gives an object back to its user; undefined: AlterShield did not write it. */
  readonly restore: (object: {
    readonly metadata: ObjectMeta;
    readonly spec?: object;
  }) => readonly PatchOp[] | undefined;
}

/** What an uninstallation restores, in this order: nothing else will, once the operator is gone. */
export const TRAFFIC_RESOURCES: readonly TrafficResource[] = [
  { resource: HTTP_ROUTE, restore: restoreHttpRoute },
  { resource: SERVICE, restore: restoreService },
];
