// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adapterNamed, type Template } from '@altershield/core';
import type { InformerEvent } from '@altershield/kube';
import type { ChangeObject, WorkloadKubeObject } from '../objects.ts';
import type { FollowedKind } from '../kinds/followed-kind.ts';
import { TemplateTracker, type TemplateTrackerDeps } from './template-tracker.ts';

const RELEASE = 'altershield.io/release';

const web = (
  version: string,
  {
    generation = 1,
    release = '',
    uid = 'd',
  }: { generation?: number; release?: string; uid?: string } = {},
): WorkloadKubeObject =>
  ({
    metadata: {
      ...{ namespace: 'shop', name: 'web', uid, generation },
      annotations: release === '' ? {} : { [RELEASE]: release },
    },
    spec: { template: { version } },
  }) as unknown as WorkloadKubeObject;

const record = (from: string, to: string, { uid = 'd', phase = 'Running' } = {}): ChangeObject =>
  ({
    metadata: { namespace: 'shop', name: 'deployment-web-1' },
    spec: {
      target: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid },
      ...(from === '' ? {} : { from: { fingerprint: from, template: { version: from } } }),
      to: { fingerprint: to },
    },
    status: { phase },
  }) as unknown as ChangeObject;

type OnDeployment = (event: InformerEvent<WorkloadKubeObject>) => void;
type OnChange = (event: InformerEvent<ChangeObject>) => void;

/** A world in which the test says what happens. */
class Scene {
  isGoverned = true;
  isSigned = true;
  isSynced = { policies: true, namespaces: true };
  readonly tracker: TemplateTracker;
  readonly kind: FollowedKind;
  #deployment: WorkloadKubeObject | undefined;
  #onDeployment: OnDeployment = () => undefined;
  #onChange: OnChange = () => undefined;

  constructor() {
    const { isSynced } = this;
    const KIND = {
      name: 'Deployment.apps',
      adapter: adapterNamed('deploy'),
      get: () => this.#deployment,
      objects: { onEvent: (handler: OnDeployment) => (this.#onDeployment = handler) },
    };
    this.kind = KIND as unknown as FollowedKind;
    const caches = {
      kinds: [KIND],
      changes: { onEvent: (handler: OnChange) => (this.#onChange = handler) },
      policies: {
        get synced() {
          return isSynced.policies;
        },
      },
      namespaces: {
        get synced() {
          return isSynced.namespaces;
        },
      },
    };
    this.tracker = new TemplateTracker({
      caches,
      policyCache: { policyFor: () => (this.isGoverned ? {} : undefined) },
      signing: { fingerprintOf: (template: Template) => String(template['version']) },
      isSigned: () => this.isSigned,
    } as unknown as TemplateTrackerDeps);
  }

  /** The Deployment is there, or is now like this; undefined: it is deleted. */
  shows(object: WorkloadKubeObject | undefined, initial = false): void {
    const old = this.#deployment;
    this.#deployment = object;
    if (object === undefined) {
      if (old !== undefined) this.#onDeployment({ type: 'Deleted', object: old, initial });
    } else {
      const type = old === undefined ? 'Added' : 'Updated';
      this.#onDeployment({
        type,
        object,
        initial,
        ...(old && { old }),
      });
    }
  }

  records(change: ChangeObject, initial = false): void {
    this.#onChange({ type: 'Added', object: change, initial });
  }

  forgets(change: ChangeObject): void {
    this.#onChange({ type: 'Deleted', object: change, initial: false });
  }

  get seen(): string | undefined {
    return this.tracker.get(web('any'))?.fingerprint;
  }
}

test('what is there at the start has been seen; what appears later has not', () => {
  const [before, after] = [new Scene(), new Scene()];
  before.shows(web('1'), true);
  after.shows(web('1'));
  assert.deepEqual([before.seen, after.seen], ['1', undefined]);
});

test('a governed change is seen when somebody looked at it', () => {
  const scene = new Scene();
  scene.shows(web('1'), true);
  const next = web('2', { generation: 2 });
  scene.shows(next);
  assert.equal(scene.seen, '1');
  scene.tracker.record(scene.kind, next);
  assert.equal(scene.seen, '2');
});

test('what changes while nothing governs it is seen at once, as far as the policies are known', () => {
  for (const [policies, namespaces, seen] of [
    [true, true, '2'],
    [true, false, '1'],
    [false, true, '1'],
  ] as const) {
    const scene = new Scene();
    scene.isGoverned = false;
    Object.assign(scene.isSynced, { policies, namespaces });
    scene.shows(web('1'), true);
    scene.shows(web('2', { generation: 2 }));
    assert.equal(scene.seen, seen, `${policies} ${namespaces}`);
  }
});

test('status and our reading of it are no news; another release annotation is', () => {
  const scene = new Scene();
  scene.shows(web('1'), true);
  scene.isGoverned = false;
  scene.shows(web('2'));
  assert.equal(scene.seen, '1', 'the generation says that nothing changed');
  scene.shows(web('2', { release: 'v1/-/0/10' }));
  assert.equal(scene.seen, '2');
});

test('what the leader records is seen by the others: what it brought, and where it came from', () => {
  for (const [from, to, seen] of [
    ['1', '2', '2'],
    ['2', '3', '2'],
    ['3', '4', '1'],
  ] as const) {
    const scene = new Scene();
    scene.shows(web('1'), true);
    scene.shows(web('2', { generation: 2 }));
    scene.records(record(from, to));
    assert.equal(scene.seen, seen, `${from} → ${to}`);
  }
});

test('records of the start, and of another object of that name, say nothing of this one', () => {
  const scene = new Scene();
  scene.shows(web('1'), true);
  scene.shows(web('2', { generation: 2 }));
  scene.records(record('1', '2'), true);
  scene.records(record('1', '2', { uid: 'another' }));
  assert.equal(scene.seen, '1');
});

test('what a record in flight brought is news again when the record is deleted', () => {
  const seenAfter = (deleted: ChangeObject): string | undefined => {
    const scene = new Scene();
    scene.shows(web('2'), true);
    scene.forgets(deleted);
    return scene.seen;
  };
  assert.equal(seenAfter(record('1', '2')), '1');
  assert.equal(seenAfter(record('', '2')), undefined);
  assert.equal(seenAfter(record('1', '2', { phase: 'Success' })), '2', 'it ended');
  assert.equal(seenAfter(record('2', '3')), '2', 'it was on its way back');
});

test('a record that we did not write says nothing', () => {
  const scene = new Scene();
  scene.isSigned = false;
  scene.shows(web('1'), true);
  scene.shows(web('2', { generation: 2 }));
  scene.records(record('1', '2'));
  assert.equal(scene.seen, '1');
  scene.forgets(record('0', '1'));
  assert.equal(scene.seen, '1');
});

test('an object that is gone is forgotten', () => {
  const scene = new Scene();
  scene.shows(web('1'), true);
  scene.shows(undefined);
  assert.equal(scene.seen, undefined);
});
