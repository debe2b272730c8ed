// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { RESOURCES, type JsonPatchOp } from '@altershield/kube';
import { aWeb, getWeb, refused, web, type Deployment, type Json } from './helpers.ts';
import { behavior, until, type Behavior, type ContractTarget } from './target.ts';

const { deployment } = RESOURCES;

/** One entry of `metadata.managedFields`. */
interface Entry extends Json {
  readonly manager: string;
  readonly operation: string;
  readonly subresource?: string;
}

const LEGACY = { env: [{ name: 'LEGACY', value: '1' }] };

/** The Deployment as its user applies it on the server's side; without pods, so that nothing else writes it for long. */
function apply(
  { developer }: ContractTarget,
  namespace: string,
  { image, container = {} }: { readonly image: string; readonly container?: Json },
): Promise<Deployment> {
  const body = aWeb(namespace, { image, replicas: 0 });
  const { template } = body['spec'] as { template: { spec: { containers: Json[] } } };
  template.spec.containers = template.spec.containers.map((each) => ({ ...each, ...container }));
  return developer.patch<Deployment>(deployment, web(namespace), { type: 'apply', body });
}

const patch = (
  { admin }: ContractTarget,
  namespace: string,
  ops: readonly JsonPatchOp[],
): Promise<Deployment> =>
  admin.patch<Deployment>(deployment, web(namespace), { type: 'json', ops });

const entriesOf = ({ metadata }: Deployment): readonly Entry[] =>
  (metadata.managedFields ?? []) as readonly Entry[];

/** What managers own of the spec; the controller owns status and its own annotation. */
const ofSpec = (entry: Entry): boolean => JSON.stringify(entry).includes('"f:spec"');

/** Waits until the controller has written what it writes of a Deployment without pods. */
const observed = (target: ContractTarget, namespace: string): Promise<Deployment> =>
  until(target, 'an observed Deployment', async () => {
    const now = await getWeb(target, namespace);
    const isNew = now.status.observedGeneration === now.metadata.generation;
    return isNew && now.status.conditions?.some(({ type }) => type === 'Available') && now;
  });

/** A user applied an environment variable, then left it out; another client brought the first template back. */
async function broughtBack(
  target: ContractTarget,
): Promise<{ readonly namespace: string; readonly first: readonly Entry[] }> {
  const namespace = await target.namespace();
  const v1 = await apply(target, namespace, { image: 'web:v1', container: LEGACY });
  await observed(target, namespace);
  await apply(target, namespace, { image: 'web:v2' });
  const value = v1.spec.template;
  await patch(target, namespace, [{ op: 'replace', path: '/spec/template', value }]);
  await observed(target, namespace);
  return { namespace, first: entriesOf(v1).filter(ofSpec) };
}

/** Writes the managed fields of the spec anew, as long as nobody else has written the object. */
async function own(
  target: ContractTarget,
  namespace: string,
  entries: (now: Deployment) => readonly Entry[],
): Promise<Deployment> {
  const now = await observed(target, namespace);
  const { uid, resourceVersion } = now.metadata;
  const others = entriesOf(now).filter((entry) => !ofSpec(entry));
  const value = [...others, ...entries(now)];
  return patch(target, namespace, [
    { op: 'test', path: '/metadata/uid', value: uid },
    { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
    { op: 'replace', path: '/metadata/managedFields', value },
  ]);
}

const containerOf = ({ spec }: Deployment): Json => {
  const [container = {}] = spec.template.spec['containers'] as Json[];
  return container;
};

export const ownership: readonly Behavior[] = [
  behavior(
    'a client that restores a template owns it: the user’s next apply conflicts, and removes nothing',
    async (target) => {
      const { namespace } = await broughtBack(target);
      await refused(apply(target, namespace, { image: 'web:v3' }), { status: 409 });
      const kept = await apply(target, namespace, { image: 'web:v1' });
      assert.deepEqual(containerOf(kept)['env'], LEGACY.env);
    },
  ),

  behavior(
    'managed fields written by a client take effect: the user’s next apply does not conflict, and removes the fields that it omits',
    async (target) => {
      const { namespace, first } = await broughtBack(target);
      const before = await observed(target, namespace);
      // Without the time of their writes, which the server then leaves out as well.
      const timeless = first.map(({ time: _, ...entry }) => entry);
      const owned = await own(target, namespace, () => timeless);
      assert.equal(owned.metadata.generation, before.metadata.generation);
      assert.deepEqual(owned.spec, before.spec);
      const managers = entriesOf(owned).filter(ofSpec);
      assert.deepEqual(
        managers.map(({ manager, operation }) => [manager, operation]),
        timeless.map(({ manager, operation }) => [manager, operation]),
      );
      const applied = await apply(target, namespace, { image: 'web:v3' });
      assert.deepEqual(
        [containerOf(applied)['image'], containerOf(applied)['env']],
        ['web:v3', undefined],
      );
    },
  ),

  behavior('managed fields are not written over a later write', async (target) => {
    const { namespace, first } = await broughtBack(target);
    const stale = own(target, namespace, () => first);
    await stale;
    const { metadata } = await observed(target, namespace);
    await apply(target, namespace, { image: 'web:v3' });
    const ops: JsonPatchOp[] = [
      { op: 'test', path: '/metadata/resourceVersion', value: metadata.resourceVersion },
      { op: 'replace', path: '/metadata/managedFields', value: first },
    ];
    await refused(patch(target, namespace, ops), { status: 422 });
    assert.equal(containerOf(await getWeb(target, namespace))['image'], 'web:v3');
  }),
];
