// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { ANNOTATIONS, type ChangeWorkload } from '@altershield/api';
import { canonicalJson, type Deployment } from '@altershield/core';
import { VirtualScheduler, type CallInfo, type WatchLineInfo } from '@altershield/sandbox';
import { playStory, STORY, type Act } from '@altershield/testing/story';
import { ReplicaSupervisor, type ReplicaSupervisorOptions } from './replica-supervisor.ts';
import { deploymentManifest, policyManifest } from './manifests.ts';
import { ALICE, GITOPS, Simulation } from './simulation.ts';
import { InvariantChecker } from './invariant-checker.ts';

const SOAK_SECONDS = 5;
/** What the policy's batches, and the user's 25 %, come to. */
const LAW = { replicas: 10, unavailable: 2, targets: [1, 3, 10], soakMs: SOAK_SECONDS * 1000 };
/** The fields of the rollout as the user wrote them, all but one of them unlike the defaults. */
const USER_FIELDS = {
  minReadySeconds: 2,
  progressDeadlineSeconds: 900,
  strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: '25%' } },
};

export interface ScenarioOptions extends ReplicaSupervisorOptions {
  readonly seed: number;
  /** How long each change is given. Default 90 s; a silent watch is only given up after minutes. */
  readonly settleMs?: number;
}

export interface Outcome {
  readonly end: object;
  /** What must never happen, and did. */
  readonly violations: readonly string[];
  /** Calls of the first leader. */
  readonly calls: readonly CallInfo[];
  readonly writes: readonly CallInfo[];
  readonly lines: readonly WatchLineInfo[];
  readonly lives: number;
}

const USERS = { developer: ALICE, gitops: GITOPS };
const DENIALS = 3;
const imageTagged = (tag: string): string => `shop/checkout:${tag}`;
const BAD = imageTagged(STORY.badChange.tag);
const NEXT = imageTagged(STORY.nextChange.tag);

/** How it ends, whatever went wrong on the way. */
const END = {
  changes: [
    `${imageTagged(STORY.goodChange.tag)} Success Verified Pass`,
    `${BAD} RolledBack RolledBack Fail`,
    `${NEXT} Success Verified Pass`,
  ],
  image: NEXT,
  own: { ...USER_FIELDS, paused: false, replicas: 10 },
  held: false,
  marks: [ANNOTATIONS.release],
  podImages: [NEXT],
  badPods: 1,
  denied: DENIALS,
};

/** The story while the operator crashes or gets wrong answers: the end and the laws stay the same. */
export async function runScenario(options: ScenarioOptions): Promise<Outcome> {
  const scenario = new Scenario(options);
  await scenario.play();
  return scenario.outcome();
}

export function assertWell({ violations, end }: Outcome, what: string): void {
  assert.deepEqual(violations, [], `${what}: laws`);
  assert.deepEqual(end, END, `${what}: end`);
}

class Scenario {
  readonly #settleMs: number;
  readonly #scheduler: VirtualScheduler;
  readonly #simulation: Simulation;
  readonly #invariants: InvariantChecker;
  readonly #supervisor: ReplicaSupervisor;
  #denied = 0;

  constructor({ seed, settleMs = 90_000, ...rest }: ScenarioOptions) {
    this.#settleMs = settleMs;
    this.#scheduler = new VirtualScheduler({ seed, order: 'shuffled' });
    this.#simulation = new Simulation({ scheduler: this.#scheduler });
    this.#invariants = new InvariantChecker(this.#simulation.sandbox, LAW);
    this.#supervisor = new ReplicaSupervisor(this.#simulation, rest);
    this.#simulation.sandbox.server.store.subscribe(({ type, object }) => {
      if (type === 'deployments.apps') this.#lookAtSpec(object as unknown as Deployment);
    });
  }

  /** At no moment is the rollout another one than the user wrote. */
  #lookAtSpec({ spec }: Deployment): void {
    const own = canonicalJson({ ...USER_FIELDS, replicas: 10 });
    const { minReadySeconds, progressDeadlineSeconds, strategy, replicas, paused } = spec;
    const is = canonicalJson({ minReadySeconds, progressDeadlineSeconds, strategy, replicas });
    if (is !== own || paused === true) this.#invariants.report(`spec ${JSON.stringify(spec)}`);
  }

  async play(): Promise<void> {
    const { sandbox } = this.#simulation;
    const policy = policyManifest({ release: { soakSeconds: SOAK_SECONDS } });
    await this.#for(1000, this.#simulation.install());
    await this.#for(10_000, sandbox.apply(deployment(STORY.start)));
    await this.#for(1000, sandbox.apply(policy));
    this.#supervisor.start();
    await this.#untilGuarded();
    const untilEnd = ({ ends }: Act): Promise<void> =>
      this.#scheduler.runFor(ends === 'Denied' ? 9000 : this.#settleMs - 1000);
    await playStory({ apply: (act) => this.#for(1000, this.#apply(act)), untilEnd }, DENIALS);
    this.#supervisor.stop();
  }

  outcome(): Outcome {
    const { calls, lines, lives } = this.#supervisor;
    const { violations } = this.#invariants;
    const writes = calls.filter(({ write }) => write > 0);
    return { end: this.#end(), violations, calls, writes, lines, lives };
  }

  async #for<T>(ms: number, promise: Promise<T>): Promise<T> {
    await this.#scheduler.runFor(ms);
    return await promise;
  }

  /** Before the webhooks are there for the first time, nothing is held. */
  async #untilGuarded(): Promise<void> {
    const type = 'mutatingwebhookconfigurations.admissionregistration.k8s.io';
    const { sandbox } = this.#simulation;
    for (let waited = 0; sandbox.get(type, '', 'altershield') === undefined; waited += 500) {
      assert.ok(waited < 120_000, 'the webhooks are registered within two minutes');
      await this.#scheduler.runFor(500);
    }
    await this.#scheduler.runFor(2000);
  }

  async #apply({ tag, user, ends }: Act): Promise<boolean> {
    if (ends !== 'Denied') this.#invariants.expect(imageTagged(tag));
    try {
      const written = await this.#simulation.sandbox.apply(deployment(tag), USERS[user]);
      // Where watch lines are lost, an operator may not know of the quarantine. The outcome counts denials.
      if (ends === 'Denied') return false;
      if (!isInFlight(written)) this.#invariants.report(`${tag} is not held in the very write`);
      return true;
    } catch (error) {
      assert.match(String(error), /denies this revision/);
      this.#denied += 1;
      return false;
    }
  }

  #end() {
    const { sandbox } = this.#simulation;
    const { metadata, spec } = sandbox.get(
      ...(['deployments.apps', 'shop', 'checkout'] as const),
    ) as unknown as Deployment;
    const { replicas, minReadySeconds, progressDeadlineSeconds, strategy } = spec;
    const changes = sandbox.server.store.list(
      'changeworkloads.altershield.io',
    ) as unknown as ChangeWorkload[];
    return {
      changes: changes.sort((a, b) => a.spec.sequence - b.spec.sequence).map(summary),
      image: imageOf(spec.template['spec']),
      own: {
        ...{ replicas, minReadySeconds, progressDeadlineSeconds, strategy },
        paused: spec.paused ?? false,
      },
      held: isInFlight({ metadata }),
      marks: Object.keys(metadata.annotations ?? {}).filter((name) => name.includes('altershield')),
      podImages: [...new Set(sandbox.pods({ namespace: 'shop' }).map((p) => imageOf(p.spec)))],
      badPods: this.#invariants.made(BAD),
      denied: this.#denied,
    };
  }
}

/** Whether the annotation says that a change is held or being released. */
function isInFlight(object: unknown): boolean {
  const { annotations } = (object as Pick<Deployment, 'metadata'>).metadata;
  const [, target = ''] = annotations?.[ANNOTATIONS.release]?.split('/') ?? [];
  return target !== '';
}

const deployment = (tag: string) =>
  deploymentManifest({ image: imageTagged(tag), spec: USER_FIELDS });

const summary = ({ spec, status }: ChangeWorkload): string =>
  [spec.to.images?.join(), status?.phase, status?.reason, status?.verdict].join(' ');

const imageOf = (spec: unknown): string =>
  /"image":"([^"]*)"/.exec(JSON.stringify(spec))?.[1] ?? '';
