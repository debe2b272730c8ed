// SPDX-License-Identifier: Apache-2.0
import { CHANGE_POLICIES, ANNOTATIONS } from '@altershield/api';
import { isInFlight, parseReleaseCap } from '@altershield/core';
import { KubeError, RESOURCES, sleep } from '@altershield/kube';
import { STORY } from '@altershield/testing/story';
import { deploymentManifest } from '../test/support/manifests.ts';
import { UnexpectedOutcome } from './unexpected-outcome.ts';
import type { Observer } from './observer.ts';
import { POLICY_YAML, REPLICAS, TARGETS, policy } from './policy.ts';
import {
  NAME,
  NAMESPACE,
  WORKLOAD,
  type ChangePodObject,
  type ChangeObject,
  type DeploymentObject,
  type User,
  type PolicyObject,
  type Cluster,
} from './cluster.ts';
import { assertFact, type Output } from './output.ts';
import { why } from './why.ts';

export interface Scene {
  readonly cluster: Cluster;
  readonly observer: Observer;
  readonly output: Output;
  readonly colors: boolean;
  /** Of the terminal; undefined when there is none. */
  readonly columns: number | undefined;
}

const OLD = STORY.start;
const GOOD = STORY.goodChange.tag;
const BAD = STORY.badChange.tag;
const NEXT = STORY.nextChange.tag;

const ATTEMPTS = 6;
const SYNC_MS = 2000;
/** Of 10 pods, 25% may be away: the default of the Deployment's own `maxUnavailable`. */
const MUST_SERVE = REPLICAS - Math.floor(REPLICAS / 4);

/** The whole story. Rejects with `UnexpectedOutcome` at the first sentence that is not true. */
export async function runScenario(scene: Scene): Promise<string> {
  await aPolicy(scene);
  await aGoodChange(scene);
  const bad = await aBadChange(scene);
  await aStubbornRobot(scene);
  await theNextGoodCommit(scene);
  await anExplanation(scene, bad);
  const { changes } = scene.observer;
  const badPods = scene.observer.everCreated(BAD).length;
  return `${changes.length} changes of ${REPLICAS} pods each, ${badPods} bad pod ever, ${ATTEMPTS} denials`;
}

async function aPolicy({ cluster, observer, output }: Scene): Promise<void> {
  output.chapter('1/6  A policy of ten lines');
  const admin = cluster.client('admin');
  output.announce(`${NAME} runs ${REPLICAS} pods of version ${OLD}, an ordinary Deployment.`);
  await apply(cluster, 'developer', OLD);
  const allReady = `${REPLICAS} pods of ${OLD} are ready`;
  await observer.until(allReady, () => isServedBy(observer, OLD));
  output.announce('This is all that its team writes to have its changes guarded:');
  output.quote(POLICY_YAML);
  await cluster.pause(2500);
  const key = { namespace: NAMESPACE, name: policy.metadata.name };
  await admin.patch(CHANGE_POLICIES, key, { type: 'apply', body: policy, force: true });
  await untilGuarded(cluster);
  const governed = async () =>
    (await admin.get<PolicyObject>(CHANGE_POLICIES, key)).status?.matchedWorkloads;
  const count = await eventually(cluster, governed, (found) => found === 1);
  assertFact(
    output,
    `It governs ${NAME} from now on.`,
    count === 1,
    `governed: ${count ?? 'unknown'}`,
  );
  await cluster.pause(1500);
}

/** The policy is in force once the API server asks the operator about changes; a dry run tells. */
async function untilGuarded(cluster: Cluster): Promise<void> {
  const metadata = { annotations: { probe: 'is-it-guarded' } };
  const body = { spec: { template: { metadata } } };
  const probe = async (): Promise<boolean> => {
    const options = { dryRun: true } as const;
    const answer = await cluster
      .client('developer')
      .patch(RESOURCES.deployment, WORKLOAD, { type: 'merge', body }, options);
    return ANNOTATIONS.actor in (answer.metadata.annotations ?? {});
  };
  const isGuarded = await eventually(cluster, probe, (found) => found);
  if (!isGuarded)
    throw new UnexpectedOutcome('The policy is in force', 'the webhook was not asked');
}

async function aGoodChange(scene: Scene): Promise<void> {
  scene.output.chapter('2/6  A good change');
  scene.output.announce(`alice applies version ${GOOD} with kubectl.`);
  await release(scene, STORY.goodChange.user, GOOD);
  await scene.cluster.pause(2000);
}

/** A change that passes: held in its own write, released in batches, verified. */
async function release(scene: Scene, user: User, tag: string): Promise<void> {
  const { cluster, observer, output } = scene;
  observer.countFromHere();
  await heldWrite(scene, user, tag);
  for (const [index, target] of TARGETS.entries()) {
    const { spec, status } = await judged(observer, tag, index);
    const fresh = plural(spec.targetUnits - spec.previous, 'pod');
    const sentence = `Batch ${spec.batch} of ${spec.total}: ${fresh} released, ${target} of ${REPLICAS} on ${tag}. ${status?.verdict ?? ''} after ${secondsIn(spec.releasedAt, status?.judgedAt)}.`;
    assertFact(output, sentence, status?.verdict === 'Pass', observer.summary());
  }
  const phase = () => observer.changeTo(tag)?.status?.phase;
  await observer.until(`The change to ${tag} succeeds`, () => phase() === 'Success');
  await observer.until(`${REPLICAS} pods of ${tag} serve`, () => isServedBy(observer, tag));
  const change = changeTo(observer, tag);
  const early = tooEarly(observer, change, tag);
  const least = observer.leastReady;
  const success = `Success: ${tag} is the revision to go back to from now on. No pod came before its batch. ${served(least)}`;
  assertFact(
    output,
    success,
    early === '' && least >= MUST_SERVE,
    `${early} ${observer.summary()}`,
  );
  await cluster.pause(500);
}

async function heldWrite(scene: Scene, user: User, tag: string): Promise<void> {
  const { cluster, observer, output } = scene;
  const written = await apply(cluster, user, tag);
  const cap = parseReleaseCap(written.metadata.annotations?.[ANNOTATIONS.release]);
  const isHeld = cap !== undefined && cap !== 'Invalid' && isInFlight(cap) && cap.released === 0;
  const held = 'Held in the very write that made it: no pod of it exists yet.';
  assertFact(
    output,
    held,
    isHeld && observer.everCreated(tag).length === 0,
    JSON.stringify(written.metadata.annotations),
  );
}

async function aBadChange(scene: Scene): Promise<ChangeObject> {
  const { cluster, observer, output } = scene;
  output.chapter('3/6  A bad change');
  output.announce(`A GitOps robot syncs a commit with an image that nobody can pull: ${BAD}.`);
  observer.countFromHere();
  await heldWrite(scene, STORY.badChange.user, BAD);
  const { spec, status } = await judged(observer, BAD, 0);
  const [check] = status?.checks.filter(({ verdict }) => verdict === 'Fail') ?? [];
  const failed = `Let out to batch 1 only, ${plural(spec.targetUnits, 'pod')}: Fail after ${secondsIn(spec.releasedAt, status?.judgedAt)}. ${check?.message ?? ''}.`;
  assertFact(output, failed, spec.targetUnits === 1 && check !== undefined, observer.summary());
  const phase = () => observer.changeTo(BAD)?.status?.phase;
  await observer.until(`The change to ${BAD} is rolled back`, () => phase() === 'RolledBack');
  await observer.until(`${REPLICAS} pods of ${GOOD} serve`, () => isServedBy(observer, GOOD));
  const least = observer.leastReady;
  const back = `Rolled back to ${GOOD}, the last verified revision, by the operator itself. ${served(least)}`;
  assertFact(output, back, observer.wanted === GOOD && least >= MUST_SERVE, observer.summary());
  await cluster.pause(3000);
  return changeTo(observer, BAD);
}

async function aStubbornRobot({ cluster, observer, output }: Scene): Promise<void> {
  output.chapter('4/6  The robot does not give up');
  output.announce(`Git still says ${BAD}, so the robot applies it again, and again.`);
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const denial = await denialOf(cluster);
    const bad = `Bad pods so far: ${observer.badEver}.`;
    output.fact(`Attempt ${attempt} is denied${attempt === 1 ? `: ${denial}` : `. ${bad}`}`);
    if (attempt === 1) await cluster.pause(2000);
    await sleep(cluster.scheduler, SYNC_MS);
  }
  const counted = () => observer.changeTo(BAD)?.status?.deniedAttempts?.count ?? 0;
  await observer.until(`The record counts ${ATTEMPTS} denials`, () => counted() === ATTEMPTS);
  const bad = observer.everCreated(BAD).length;
  const sentence = `Denied ${counted()} of ${ATTEMPTS} times, and not one more bad pod: ${bad} ever. ${GOOD} serves with ${observer.ready} pods.`;
  assertFact(output, sentence, bad === 1 && isServedBy(observer, GOOD), observer.summary());
  await cluster.pause(1500);
}

/** Applies the bad revision once more and gives the words of the denial. */
async function denialOf(cluster: Cluster): Promise<string> {
  try {
    await apply(cluster, STORY.denial.user, BAD);
  } catch (error) {
    if (!(error instanceof KubeError) || error.status !== 403) throw error;
    const message = error.server.message ?? error.message;
    return message.replace(/^admission webhook "[^"]*" denied the request: /, '');
  }
  throw new UnexpectedOutcome(`${BAD} is denied`, 'the API server took it');
}

async function theNextGoodCommit(scene: Scene): Promise<void> {
  scene.output.chapter('5/6  The next good commit');
  scene.output.announce(
    `The team pushes a fix, and the robot syncs it: ${NEXT}. Nobody has to unlock anything.`,
  );
  await release(scene, STORY.nextChange.user, NEXT);
  await scene.cluster.pause(1500);
}

async function anExplanation(scene: Scene, { metadata, spec }: ChangeObject): Promise<void> {
  scene.output.chapter('6/6  Why was it rolled back?');
  const { code, text } = await why(scene, metadata.name);
  scene.output.announce(`$ altershield why change/${metadata.name} -n ${NAMESPACE}`);
  scene.output.show(text);
  const plain = text.replaceAll(/\u001B\[\d+m/g, '');
  const parts = ['ImagePullBackOff', spec.actor.user, `:${BAD}`, `denied ${ATTEMPTS} times`];
  const missing = parts.filter((part) => !plain.includes(part));
  const sentence = 'It names who did it, what was seen, what was done, and what happened since.';
  const told = code === 0 && spec.actor.stamped && missing.length === 0;
  assertFact(scene.output, sentence, told, `exit code ${code}, missing: ${missing.join(', ')}`);
}

const apply = (cluster: Cluster, user: User, tag: string): Promise<DeploymentObject> => {
  const body = deploymentManifest({
    name: NAME,
    namespace: NAMESPACE,
    image: `shop/${NAME}:${tag}`,
  });
  const patch = { type: 'apply', body, force: true } as const;
  return cluster.client(user).patch<DeploymentObject>(RESOURCES.deployment, WORKLOAD, patch);
};

/** Waits for the verdict on a batch. */
async function judged(observer: Observer, tag: string, index: number): Promise<ChangePodObject> {
  const look = (): ChangePodObject | undefined => {
    const change = observer.changeTo(tag);
    const batch = change === undefined ? undefined : observer.batchesOf(change)[index];
    return batch?.status?.judgedAt === undefined ? undefined : batch;
  };
  const sentence = `Batch ${index + 1} of the change to ${tag} is released and judged`;
  await observer.until(sentence, () => look() !== undefined);
  return look() ?? fail(sentence, observer);
}

const changeTo = (observer: Observer, tag: string): ChangeObject =>
  observer.changeTo(tag) ?? fail(`There is a record of the change to ${tag}`, observer);

function fail(sentence: string, observer: Observer): never {
  throw new UnexpectedOutcome(sentence, observer.summary());
}

const isServedBy = (observer: Observer, tag: string): boolean =>
  observer.ready === REPLICAS && observer.pods.every((pod) => pod.tag === tag);

/** Pods that are there before their batch was released; '' when there are none. */
function tooEarly(observer: Observer, change: ChangeObject, tag: string): string {
  const pods = observer.everCreated(tag);
  return observer
    .batchesOf(change)
    .map(({ spec }) => {
      // Kubernetes keeps the second of a pod's creation, no more.
      const releasedAt = Math.floor(Date.parse(spec.releasedAt) / 1000) * 1000;
      const before = pods.filter(({ createdAt }) => createdAt < releasedAt).length;
      return before > spec.previous ? `${before} pods before batch ${spec.batch}` : '';
    })
    .join('');
}

/** Looks again every 100 ms of the cluster's clock, 30 s at most, and gives what was seen last. */
async function eventually<T>(
  { scheduler }: Cluster,
  look: () => Promise<T>,
  isIt: (seen: T) => boolean,
): Promise<T> {
  const deadline = scheduler.now() + 30_000;
  let seen = await look();
  while (!isIt(seen) && scheduler.now() < deadline) {
    await sleep(scheduler, 100);
    seen = await look();
  }
  return seen;
}

const served = (least: number): string =>
  least >= REPLICAS
    ? `All ${REPLICAS} pods stayed ready.`
    : `Never fewer than ${least} of ${REPLICAS} pods were ready.`;

const secondsIn = (from: string, to = from): string =>
  `${((Date.parse(to) - Date.parse(from)) / 1000).toFixed(1)} s`;

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
