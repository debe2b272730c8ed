// SPDX-License-Identifier: Apache-2.0
import type { Actor } from '@altershield/api';
import type { ObjectMeta } from '../json/objects.ts';
import type { ActorAnnotation } from './actor-annotation.ts';

/** The user who wrote the current template, as far as it is known. */
export const actorOf = (
  metadata: Pick<ObjectMeta, 'managedFields'>,
  actorAnnotation: ActorAnnotation | undefined,
): Actor =>
  actorAnnotation === undefined ? actorFromManagedFields(metadata) : admittedActor(actorAnnotation);

const admittedActor = ({ user, uid, groups, manager }: ActorAnnotation): Actor => ({
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

/**
 * Without a valid actor annotation only the field manager is known, which any client can choose
 * freely.
 */
export function actorFromManagedFields({
  managedFields = [],
}: Pick<ObjectMeta, 'managedFields'>): Actor {
  const [newest] = managersOf(managedFields);
  return {
    user: '',
    ...(newest === undefined ? {} : { fieldManager: newest.manager.slice(0, 128) }),
    stamped: false,
  };
}

const CONTROLLERS = /^(kube-controller-manager|altershield)/;

function managersOf(entries: readonly unknown[]): ManagerEntry[] {
  return entries
    .flatMap((entry) => {
      if (typeof entry !== 'object' || entry === null) return [];
      const { manager, time, subresource } = { manager: '', time: '', subresource: '', ...entry };
      return subresource === '' && !CONTROLLERS.test(manager) ? [{ manager, time }] : [];
    })
    .sort((a, b) => (a.time < b.time ? 1 : -1));
}
