// SPDX-License-Identifier: Apache-2.0
import { RESOURCES, type Scheduler } from '@altershield/kube';
import { dig, list, asJsonObject, text, type StoredObject } from '../json.ts';
import { within } from '../scheduler/random.ts';
import { typeKey } from './definition.ts';
import type { Registry } from './registry.ts';
import type { ObjectStore } from './store.ts';
import { timestamp } from './util.ts';

const CRD_TYPE = typeKey(RESOURCES.crd);
const ESTABLISH_MS = { min: 5, max: 60 };

/** Serves the resources of CRDs shortly after they are written, and updates their status. */
export function followCrds(store: ObjectStore, registry: Registry, scheduler: Scheduler): void {
  store.subscribe(({ type, kind, object }) => {
    if (type !== CRD_TYPE) return;
    if (kind === 'Deleted') withdraw(object, store, registry);
    else if (isEstablished(object)) registry.establish(object);
    else {
      const wait = within(ESTABLISH_MS, () => scheduler.random());
      scheduler.after(wait, () => {
        establish(object, store, timestamp(scheduler.now()));
      });
    }
  });
}

const isEstablished = (crd: StoredObject): boolean =>
  list(dig(crd, 'status', 'conditions')).some(
    (condition) => dig(condition, 'type') === 'Established' && dig(condition, 'status') === 'True',
  );

function establish(written: StoredObject, store: ObjectStore, now: string): void {
  const crd = store.get(CRD_TYPE, { namespace: '', name: written.metadata.name });
  if (crd === undefined || isEstablished(crd)) return;
  const condition = (type: string, reason: string, message: string) => ({
    type,
    status: 'True',
    lastTransitionTime: now,
    reason,
    message,
  });
  const status = {
    conditions: [
      condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
      condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
    ],
    acceptedNames: asJsonObject(dig(crd, 'spec', 'names')),
    storedVersions: list(dig(crd, 'spec', 'versions')).map((version) => text(dig(version, 'name'))),
  };
  store.put(CRD_TYPE, { ...crd, status });
}

function withdraw(crd: StoredObject, store: ObjectStore, registry: Registry): void {
  const type = typeKey({
    group: text(dig(crd, 'spec', 'group')),
    plural: text(dig(crd, 'spec', 'names', 'plural')),
  });
  for (const { metadata } of store.list(type)) {
    store.remove(type, { namespace: metadata.namespace ?? '', name: metadata.name });
  }
  registry.withdraw(crd);
}
