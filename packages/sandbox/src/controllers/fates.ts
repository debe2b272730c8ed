// SPDX-License-Identifier: Apache-2.0
import { timestamp } from '../api-server/util.ts';
import { within, type Random, type Span } from '../scheduler/random.ts';
import { type Moment } from './pod-status.ts';
import { type Terminated } from './types.ts';

export interface FateContext {
  readonly image: string;
  readonly container: string;
  readonly podName: string;
  readonly random: Random;
}

/** The next thing that happens to a container: after `delayMs`, `moment(now)` holds. */
export interface Step {
  readonly delayMs: number;
  readonly moment: (nowMs: number) => Moment;
}

/** The life of a container, step by step; some never end. */
export type Fate = (context: FateContext) => Generator<Step, void>;

const START: Span = { min: 20, max: 150 };
const READY: Span = { min: 1000, max: 3000 };
const SLOW: Span = { min: 8000, max: 10_000 };
const CRASH: Span = { min: 300, max: 1200 };
const FLAP: Span = { min: 2000, max: 4000 };
const MAX_BACKOFF_MS = 300_000;

const running = (startedAt: string, isReady: boolean, extra: Partial<Moment> = {}): Moment => ({
  state: { running: { startedAt } },
  isReady,
  phase: 'Running',
  ...extra,
});

const waiting = (reason: string, message: string, extra: Partial<Moment> = {}): Moment => ({
  state: { waiting: { reason, message } },
  isReady: false,
  phase: 'Pending',
  ...extra,
});

const readyAfter = (span: Span): Fate =>
  function* ready({ random }) {
    let startedAt = '';
    yield {
      delayMs: within(START, random),
      moment: (now) => {
        startedAt = timestamp(now);
        return running(startedAt, false);
      },
    };
    const delayMs = Math.max(1, within(span, random) - START.max);
    yield { delayMs, moment: () => running(startedAt, true) };
  };

const neverReady: Fate = function* neverReady({ random }) {
  yield { delayMs: within(START, random), moment: (now) => running(timestamp(now), false) };
};

const flapping: Fate = function* flapping(context) {
  yield* readyAfter(READY)(context);
  let startedAt: string | undefined;
  const since = (now: number): string => {
    startedAt ??= timestamp(now);
    return startedAt;
  };
  for (;;) {
    yield { delayMs: within(FLAP, context.random), moment: (now) => running(since(now), false) };
    yield { delayMs: within(FLAP, context.random), moment: (now) => running(since(now), true) };
  }
};

const badImage: Fate = function* badImage({ random, image }) {
  const failed = `failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${image}: not found`;
  const pull = `rpc error: code = NotFound desc = ${failed}`;
  yield {
    delayMs: within({ min: 300, max: 900 }, random),
    moment: () => waiting('ErrImagePull', pull),
  };
  let backoffMs = 10_000;
  for (;;) {
    const why = `Back-off pulling image "${image}": ErrImagePull: ${pull}`;
    yield { delayMs: within(CRASH, random), moment: () => waiting('ImagePullBackOff', why) };
    yield { delayMs: backoffMs, moment: () => waiting('ErrImagePull', pull) };
    backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS);
  }
};

const badConfig: Fate = function* badConfig({ random }) {
  const why = 'configmap "app-config" not found';
  yield {
    delayMs: within(CRASH, random),
    moment: () => waiting('CreateContainerConfigError', why),
  };
};

const ending = (reason: string, exitCode: number): Fate =>
  function* crashing({ random, container, podName }) {
    let lastState: { terminated: Terminated } | undefined;
    let backoffMs = 10_000;
    for (let restartCount = 0; ; restartCount += 1) {
      let startedAt = '';
      const carried = (): Partial<Moment> =>
        lastState === undefined ? { restartCount } : { restartCount, lastState };
      yield {
        delayMs: restartCount === 0 ? within(START, random) : backoffMs / 10,
        moment: (now) => {
          startedAt = timestamp(now);
          return running(startedAt, false, carried());
        },
      };
      yield {
        delayMs: within(CRASH, random),
        moment: (now) => {
          const terminated = { exitCode, reason, startedAt, finishedAt: timestamp(now) };
          const moment = { ...running(startedAt, false, carried()), state: { terminated } };
          lastState = { terminated };
          return moment;
        },
      };
      if (restartCount === 0) continue;
      const seconds = backoffMs / 1000;
      const why = `back-off ${seconds}s restarting failed container=${container} pod=${podName}`;
      yield {
        delayMs: within({ min: 50, max: 300 }, random),
        moment: () =>
          waiting('CrashLoopBackOff', why, {
            ...carried(),
            phase: 'Running',
            ...(lastState === undefined ? {} : { lastState }),
          }),
      };
      backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS);
    }
  };

const FATES: readonly (readonly [tag: string, fate: Fate])[] = [
  ['bad', badImage],
  ['crash', ending('Error', 1)],
  ['oom', ending('OOMKilled', 137)],
  ['cfgerr', badConfig],
  ['noready', neverReady],
  ['flap', flapping],
  ['slow', readyAfter(SLOW)],
];

/** What becomes of a container, by its image's tag; anything that says nothing else becomes ready. */
export function fateOf(image: string): Fate {
  const [, tag = ''] = /:([^:/@]+)$/.exec(image) ?? [];
  return FATES.find(([prefix]) => tag.startsWith(prefix))?.[1] ?? readyAfter(READY);
}
