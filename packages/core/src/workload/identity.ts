// SPDX-License-Identifier: Apache-2.0
import type { ObjectMeta } from '../json/objects.ts';
import { POD, type DeleteWrite } from './adapter.ts';

/** The object that was read, in the version that was read. */
export type Identity = Pick<ObjectMeta, 'name' | 'uid' | 'resourceVersion'>;

export const identityOf = ({ name, uid, resourceVersion }: Identity): Identity => ({
  ...{ name, uid },
  ...(resourceVersion === undefined ? {} : { resourceVersion }),
});

/** A pod whose status has changed since it was read, and that may be ready now, stays. */
export function deletePod(pod: Identity): DeleteWrite {
  const { uid: deletes, ...rest } = identityOf(pod);
  return { resource: POD.kind, deletes, ...rest };
}
