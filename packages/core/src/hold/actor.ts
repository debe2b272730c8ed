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

/**
 * Components that edit pods on their own: those of Kubernetes, and the VerticalPodAutoscaler. Other
 * service accounts may act for a user.
 */
const CONTROLLER_USERS =
  /^(system:(kube-|node:|apiserver|serviceaccount:kube-system:)|system:serviceaccount:[^:]+:vpa-updater$)/;
const CONTROLLER_MANAGERS = /^(kube-|kubelet$|vpa-updater|updater$|altershield)/;

/** Whether a controller made a write, and not a user. Without admission, its field manager tells. */
export const isController = ({ user, fieldManager = '', stamped }: Actor): boolean =>
  stamped ? CONTROLLER_USERS.test(user) : CONTROLLER_MANAGERS.test(fieldManager);

interface ManagerEntry {
  readonly manager: string;
  readonly time: string;
}

/** The field manager of the newest write through a subresource of the object; '': the object. */
export function editorFromManagedFields(entries: readonly unknown[], through: string): Actor {
  const [newest] = entriesOf(entries)
    .filter(({ subresource }) => subresource === through)
    .sort((a, b) => (a.time < b.time ? 1 : -1));
  return {
    user: '',
    ...(newest === undefined ? {} : { fieldManager: newest.manager.slice(0, 128) }),
    stamped: false,
  };
}

/** Field managers without their fields, as far as they can have edited a pod in place. */
export const editorsOf = (entries: readonly unknown[]): readonly ManagerEntry[] =>
  entriesOf(entries).filter(
    ({ manager, subresource }) =>
      EDITING_SUBRESOURCES.has(subresource) || (subresource === '' && !CONTROLLERS.test(manager)),
  );

const EDITING_SUBRESOURCES: ReadonlySet<string> = new Set(['resize', 'ephemeralcontainers']);

function entriesOf(entries: readonly unknown[]) {
  return entries.flatMap((entry) => {
    if (typeof entry !== 'object' || entry === null) return [];
    const { manager, time, subresource } = { manager: '', time: '', subresource: '', ...entry };
    return [{ manager, time, subresource }];
  });
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
  return entriesOf(entries)
    .filter(({ manager, subresource }) => subresource === '' && !CONTROLLERS.test(manager))
    .sort((a, b) => (a.time < b.time ? 1 : -1));
}
