// SPDX-License-Identifier: Apache-2.0
import type { Actor } from '@altershield/api';
import type { Deployment } from '../workload/types.ts';
import type { Stamp } from './stamp.ts';

/** Who wrote the template that the object has now, as far as it is known. */
export const actorOf = (
  deployment: Pick<Deployment, 'metadata'>,
  stamp: Stamp | undefined,
): Actor => (stamp === undefined ? actorFromManagedFields(deployment) : stampedActor(stamp));

const stampedActor = ({ user, uid, groups, manager }: Stamp): Actor => ({
  user,
  ...(uid === undefined ? {} : { uid }),
  ...(groups === undefined ? {} : { groups }),
  ...(manager === undefined ? {} : { fieldManager: manager }),
  stamped: true,
});

interface ManagerEntry {
  readonly manager: string;
  readonly time: string;
}

/** Without a stamp only the field manager is known, and that a client may choose freely. */
export function actorFromManagedFields({ metadata }: Pick<Deployment, 'metadata'>): Actor {
  const [newest] = managersOf(metadata.managedFields ?? []);
  return {
    user: '',
    ...(newest === undefined ? {} : { fieldManager: newest.manager.slice(0, 128) }),
    stamped: false,
  };
}

const CONTROLLERS = /^(kube-controller-manager|deployment-controller|altershield)/;

function managersOf(entries: readonly unknown[]): ManagerEntry[] {
  return entries
    .flatMap((entry) => {
      if (typeof entry !== 'object' || entry === null) return [];
      const { manager, time, subresource } = { manager: '', time: '', subresource: '', ...entry };
      return subresource === '' && !CONTROLLERS.test(manager) ? [{ manager, time }] : [];
    })
    .sort((a, b) => (a.time < b.time ? 1 : -1));
}
