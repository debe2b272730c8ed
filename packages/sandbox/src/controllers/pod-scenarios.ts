// SPDX-License-Identifier: Apache-2.0
import { timestamp } from '../api-server/util.ts';
import { within, type Random } from '../scheduler/random.ts';
import { controllerOf } from './cluster.ts';
import type { Moment } from './pod-status.ts';
import type { ContainerState, Pod } from './types.ts';

export interface PodScenarioContext {
  readonly pod: Pod;
  readonly image: string;
  readonly container: string;
  readonly random: Random;
}

/** The next state of a container: after `delayMs`, `moment(now)` holds. */
export interface Step {
  readonly delayMs: number;
  readonly moment: (nowMs: number) => Moment;
}

/** The states of a container after its creation, step by step; some scenarios never end. */
export type PodScenario = (context: PodScenarioContext) => Generator<Step, void>;

const randomBetween = (min: number, max: number, { random }: PodScenarioContext): number =>
  within({ min, max }, random);

const running = (startedAt: string, isReady: boolean): Moment => ({
  state: { running: { startedAt } },
  isReady,
  restartCount: 0,
  phase: 'Running',
});

const waiting = (reason: string, message?: string): Moment => ({
  state: { waiting: { reason, ...(message === undefined ? {} : { message }) } },
  isReady: false,
  restartCount: 0,
  phase: 'Pending',
});

/** The first status that every kubelet writes. */
export const creating: Moment = { ...waiting('ContainerCreating'), isCreating: true };

const healthy: PodScenario = function* (context) {
  yield {
    delayMs: randomBetween(1000, 3000, context),
    moment: (now) => running(timestamp(now), true),
  };
};

/** Runs for a moment and ends, as pods of Jobs do. */
const endingWith = (phase: 'Succeeded' | 'Failed'): PodScenario =>
  function* (context) {
    let startedAt = '';
    yield {
      delayMs: randomBetween(500, 1000, context),
      moment: (now) => {
        startedAt = timestamp(now);
        return running(startedAt, true);
      },
    };
    const [exitCode, reason] = phase === 'Succeeded' ? [0, 'Completed'] : [1, 'Error'];
    yield {
      delayMs: randomBetween(500, 1500, context),
      moment: (now) => {
        const terminated = { exitCode, reason, startedAt, finishedAt: timestamp(now) };
        return { state: { terminated }, isReady: false, restartCount: 0, phase };
      },
    };
  };

/** Runs at once, and is ready `ms` later. */
const slow: PodScenario = function* (context) {
  let startedAt = '';
  yield {
    delayMs: randomBetween(800, 1200, context),
    moment: (now) => {
      startedAt = timestamp(now);
      return running(startedAt, false);
    },
  };
  yield { delayMs: randomBetween(7200, 8800, context), moment: () => running(startedAt, true) };
};

const neverReady: PodScenario = function* (context) {
  yield {
    delayMs: randomBetween(1000, 2000, context),
    moment: (now) => running(timestamp(now), false),
  };
};

const flapping: PodScenario = function* (context) {
  let startedAt = '';
  yield {
    delayMs: randomBetween(1000, 2000, context),
    moment: (now) => {
      startedAt = timestamp(now);
      return running(startedAt, true);
    },
  };
  for (;;) {
    yield { delayMs: randomBetween(1500, 2500, context), moment: () => running(startedAt, false) };
    yield { delayMs: randomBetween(1000, 2000, context), moment: () => running(startedAt, true) };
  }
};

const badImage: PodScenario = function* (context) {
  const { image } = context;
  const failed = `failed to pull and unpack image "${image}": failed to resolve reference "${image}": not found`;
  yield {
    delayMs: randomBetween(500, 800, context),
    moment: () => waiting('ErrImagePull', failed),
  };
  for (;;) {
    const backsOff = waiting('ImagePullBackOff', `Back-off pulling image "${image}"`);
    yield { delayMs: randomBetween(200, 400, context), moment: () => backsOff };
    yield {
      delayMs: randomBetween(10_000, 15_000, context),
      moment: () => waiting('ErrImagePull', failed),
    };
  }
};

const badConfig: PodScenario = function* (context) {
  const why = 'configmap "settings" not found';
  yield {
    delayMs: randomBetween(500, 800, context),
    moment: () => waiting('CreateContainerConfigError', why),
  };
};

const MAX_BACKOFF_SECONDS = 10;

/** Ends soon after each start; restarted at once the first time, then after growing pauses. */
const ending = (reason: string, exitCode: number): PodScenario =>
  function* (context) {
    let lastState: ContainerState = {};
    let pauseMs = randomBetween(300, 600, context);
    for (let restartCount = 0; ; restartCount += 1) {
      const common = { restartCount, isReady: false, phase: 'Running' } as const;
      const before = lastState;
      let startedAt = '';
      yield {
        delayMs: pauseMs,
        moment: (now) => {
          startedAt = timestamp(now);
          return { ...common, state: { running: { startedAt } }, lastState: before };
        },
      };
      yield {
        delayMs: randomBetween(300, 600, context),
        moment: (now) => {
          const terminated = { exitCode, reason, startedAt, finishedAt: timestamp(now) };
          lastState = { terminated };
          return { ...common, state: lastState, lastState: before };
        },
      };
      pauseMs = randomBetween(50, 100, context);
      if (restartCount === 0) continue;
      yield {
        delayMs: pauseMs,
        moment: () => ({ ...common, ...backOff(context), lastState }),
      };
      pauseMs = Math.min(2 ** (restartCount - 1), MAX_BACKOFF_SECONDS) * 1000;
    }
  };

function backOff({ pod, container }: PodScenarioContext): { state: ContainerState } {
  const { name, namespace = '', uid } = pod.metadata;
  const message = `back-off restarting failed container=${container} pod=${name}_${namespace}(${uid})`;
  return { state: { waiting: { reason: 'CrashLoopBackOff', message } } };
}

const SCENARIOS: readonly (readonly [tag: string, scenario: PodScenario])[] = [
  ['bad', badImage],
  ['crash', ending('Error', 1)],
  ['oom', ending('OOMKilled', 137)],
  ['cfgerr', badConfig],
  ['noready', neverReady],
  ['flap', flapping],
  ['slow', slow],
  ['jobfail', endingWith('Failed')],
  ['jobrun', healthy],
];

/** The scenario of a container by its image's tag; undefined when the tag has none. */
function scenarioFor(image: string): PodScenario | undefined {
  const [, tag = ''] = /:([^:/@]+)$/.exec(image) ?? [];
  return SCENARIOS.find(([prefix]) => tag.startsWith(prefix))?.[1];
}

const usual = (pod: Pod): PodScenario =>
  controllerOf(pod)?.kind === 'Job' ? endingWith('Succeeded') : healthy;

export interface PodScript {
  readonly scenario: PodScenario;
  readonly context: PodScenarioContext;
}

/** The scenario of the first container that has one; other pods become ready in 1–3 s, or complete. */
export function podScriptFor(pod: Pod, random: Random, chosen?: PodScenario): PodScript {
  const { containers } = pod.spec;
  const scripted =
    containers.find(({ image }) => scenarioFor(image) !== undefined) ?? containers[0];
  const image = scripted?.image ?? '';
  const context = { pod, image, container: scripted?.name ?? '', random };
  return { scenario: chosen ?? scenarioFor(image) ?? usual(pod), context };
}

/** Whether two containers have the same scenario, so that one moment applies to both. */
export const hasSameScenario = (a: string, b: string): boolean => scenarioFor(a) === scenarioFor(b);
