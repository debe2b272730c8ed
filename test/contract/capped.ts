// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { RESOURCES, type KubeObject } from '@altershield/kube';
import { getWeb, web, withImage, type Deployment, type Json, type ReplicaSet } from './helpers.ts';
import { install, type Installed } from './hook.ts';
import { aRelease, type Release, type UserFields } from './protocol.ts';
import {
  pause,
  until,
  type ContractTarget,
  type ReviewRequest,
  type ReviewResponse,
} from './target.ts';

/** `<verified>/<target>/<released>/<replicas>`: which hash is never capped, and how much the target may have. */
export const RELEASE = 'altershield.io/release';
export const DESIRED = 'deployment.kubernetes.io/desired-replicas';

export const annotationOf = (object: KubeObject, name: string): string | undefined =>
  object.metadata.annotations?.[name];

export const hashOf = (set: ReplicaSet): string => set.metadata.labels?.['pod-template-hash'] ?? '';

export const imageOf = ({ spec }: ReplicaSet): string => {
  const { containers } = spec.template['spec'] as { containers: { image: string }[] };
  return containers[0]?.image ?? '';
};

/** The size of a ReplicaSet under review; undefined for what is not there. */
export const sizeOf = (object: KubeObject | null): number | undefined =>
  (object as ReplicaSet | null)?.spec.replicas;

/** What a written ReplicaSet says about itself, and how many pods of it there were. */
interface Sizes {
  readonly asked: number;
  readonly was: number;
  /** How many replicas its Deployment has. */
  readonly desired: number;
  /** How many of them may be of the target. */
  readonly share: number;
}

const belowCap = ({ asked, was }: Sizes, cap: number): number =>
  Math.min(asked, Math.max(was, cap));

function aboveFloor({ asked, was, desired, share }: Sizes, isScaling: boolean): number {
  const floor = desired - share;
  if (isScaling) return Math.max(asked, floor);
  return asked >= was ? asked : Math.max(asked, Math.min(was, floor));
}

/** Scaled below the size of the release, the target keeps its proportion. */
const shareOf = (released: number, total: number, desired: number): number =>
  desired >= total ? released : Math.floor((released * desired) / total);

/** A cap on what is not verified, and a floor under what is: the size that a written ReplicaSet gets. */
function allowedSize(set: ReplicaSet, old: ReplicaSet | null): number {
  const asked = set.spec.replicas;
  const release = annotationOf(set, RELEASE);
  if (release === undefined) return asked;
  const [verified, aim, released, total] = release.split('/');
  const desired = Number(annotationOf(set, DESIRED));
  const share = shareOf(Number(released), Number(total), desired);
  const sizes = { asked, was: old?.spec.replicas ?? 0, desired, share };
  if (hashOf(set) !== verified) return belowCap(sizes, hashOf(set) === aim ? share : 0);
  const isScaling = old !== null && annotationOf(old, DESIRED) !== annotationOf(set, DESIRED);
  return aboveFloor(sizes, isScaling);
}

export function clamp({ object, oldObject }: ReviewRequest): ReviewResponse {
  const set = object as unknown as ReplicaSet;
  const size = allowedSize(set, oldObject as unknown as ReplicaSet | null);
  if (size === set.spec.replicas) return {};
  return { patch: [{ op: 'replace', path: '/spec/replicas', value: size }] };
}

export interface CappedWishes extends UserFields {
  readonly spec?: Json;
  /** Default: the clamp. */
  readonly answer?: (request: ReviewRequest) => ReviewResponse;
}

/** `web` at v1, complete, in a namespace where admission clamps the sizes of ReplicaSets. */
export class Capped {
  readonly target: ContractTarget;
  readonly release: Release;
  readonly #hook: Installed;
  readonly #verified: ReplicaSet;

  private constructor(release: Release, hook: Installed, verified: ReplicaSet) {
    this.target = release.target;
    this.release = release;
    this.#hook = hook;
    this.#verified = verified;
  }

  static async start(
    target: ContractTarget,
    { spec = {}, answer = clamp, ...user }: CappedWishes,
  ): Promise<Capped> {
    const hook = await install(target, { resources: ['replicasets'], answer });
    const { namespace } = hook;
    const release = await aRelease(target, user, { spec, namespace });
    const { items } = await target.admin.list<ReplicaSet>(RESOURCES.replicaSet, { namespace });
    const [verified] = items;
    assert.ok(verified);
    return new Capped(release, hook, verified);
  }

  /** What admission was asked about writes of ReplicaSets. */
  get requests(): readonly ReviewRequest[] {
    return this.#hook.requests;
  }

  get verified(): string {
    return hashOf(this.#verified);
  }

  get atRest(): string {
    return `${this.verified}//0/${this.release.user.replicas}`;
  }

  async sets(): Promise<readonly ReplicaSet[]> {
    const { namespace } = this.release;
    return (await this.target.admin.list<ReplicaSet>(RESOURCES.replicaSet, { namespace })).items;
  }

  async find(image: string): Promise<ReplicaSet | undefined> {
    return (await this.sets()).find((set) => imageOf(set) === image);
  }

  get(image: string): Promise<ReplicaSet> {
    return until(this.target, `a ReplicaSet of ${image}`, () => this.find(image));
  }

  /** One write of the Deployment: annotations, and fields of the spec. */
  write(annotations: Json, spec?: Json): Promise<Deployment> {
    const { namespace } = this.release;
    return this.target.admin.patch<Deployment>(RESOURCES.deployment, web(namespace), {
      type: 'merge',
      body: { metadata: { annotations }, ...(spec === undefined ? {} : { spec }) },
    });
  }

  /** One write of a ReplicaSet by another client than its controller. */
  async patchSet(image: string, body: Json): Promise<void> {
    const { name } = (await this.get(image)).metadata;
    const key = { namespace: this.release.namespace, name };
    await this.target.admin.patch(RESOURCES.replicaSet, key, { type: 'merge', body });
  }

  annotateSet(image: string, annotations: Json): Promise<void> {
    return this.patchSet(image, { metadata: { annotations } });
  }

  /** Puts the annotation at rest on the Deployment, and waits until its ReplicaSet has it. */
  async govern(): Promise<void> {
    await this.write({ [RELEASE]: this.atRest });
    await until(this.target, 'the copy of the annotation', async () => {
      const set = await this.get('web:v1');
      return annotationOf(set, RELEASE) === this.atRest;
    });
  }

  /** A user's change of the image, which the annotation at rest holds; resolves when nothing moves. */
  async push(image: string, spec: Json = {}): Promise<ReplicaSet> {
    await this.release.write({ ...withImage(image), ...spec });
    const set = await this.get(image);
    await this.release.observed();
    await this.calm();
    return set;
  }

  /** Lets an image have so many pods: the Deployment says so first, then the verified ReplicaSet. */
  async raiseCap(image: string, released: number): Promise<void> {
    const hash = hashOf(await this.get(image));
    const value = `${this.verified}/${hash}/${released}/${this.release.user.replicas}`;
    await this.write({ [RELEASE]: value });
    await this.annotateSet('web:v1', { [RELEASE]: value });
  }

  async scale(replicas: number): Promise<void> {
    const patch = { type: 'merge', body: { spec: { replicas } } } as const;
    const key = web(this.release.namespace);
    await this.target.admin.patch(RESOURCES.deployment, key, patch, { subresource: 'scale' });
  }

  /** So many pods of v1 and of the other image, all of them ready, and nothing goes on from there. */
  async rests(verified: number, image: string, pods: number): Promise<void> {
    await this.release.settled({ 'web:v1': verified, [image]: pods });
    await this.release.ready('web:v1', verified);
    await this.release.ready(image, pods);
    await this.calm();
    assert.deepEqual([this.release.pods('web:v1'), this.release.pods(image)], [verified, pods]);
  }

  /** Waits for two seconds in which no ReplicaSet is written and no pod comes or goes. */
  async calm(): Promise<void> {
    await until(this.target, 'two quiet seconds', async () => {
      const asked = this.requests.length;
      const since = this.release.now;
      await pause(this.target, 2000);
      return this.requests.length === asked && this.release.churn(since) === 0;
    });
  }

  async progress(): Promise<{ status: string; reason: string | undefined }> {
    const { status } = await getWeb(this.target, this.release.namespace);
    const found = status.conditions?.find(({ type }) => type === 'Progressing');
    return { status: found?.status ?? '', reason: found?.reason };
  }

  progressing(reason: string): Promise<unknown> {
    return until(this.target, reason, async () => (await this.progress()).reason === reason);
  }

  async stop(): Promise<void> {
    await this.release.stop();
    await this.#hook.remove();
  }
}

/** A change of the image that is held from the user's own write on. */
export async function held(
  target: ContractTarget,
  wishes: CappedWishes,
  image = 'web:v2',
): Promise<Capped> {
  const capped = await Capped.start(target, wishes);
  await capped.govern();
  await capped.push(image);
  return capped;
}
