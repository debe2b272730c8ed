// SPDX-License-Identifier: Apache-2.0
import { seededRandom, type CallFault, type Random, type WatchFault } from '@altershield/sandbox';
import type { KindUnderTest } from '../support/kinds.ts';

/** What is disturbed: the n-th call of a sort, or the n-th line of a watch, from now on. */
export type Fault =
  | {
      readonly on: 'write' | 'read' | 'watch';
      readonly lost: 'call' | 'answer';
      readonly fault: CallFault;
    }
  | { readonly on: 'line'; readonly fault: WatchFault };

/**
 * One event that the operator does not choose. Actions are plain data without references to other
 * actions, so a story from which some are removed is a story as well.
 */
export type Action =
  | { readonly do: 'set image'; readonly version: string }
  | { readonly do: 'restart'; readonly mark: string }
  | { readonly do: 'undo' }
  | { readonly do: 'scale'; readonly replicas: number }
  | { readonly do: 'edit'; readonly spec: object }
  | { readonly do: 'decide'; readonly action: 'Resume' | 'RollBack' | 'Lift' }
  | { readonly do: 'delete pod'; readonly nth: number }
  | { readonly do: 'scale ReplicaSet'; readonly nth: number; readonly replicas: number }
  | { readonly do: 're-create'; readonly version: string; readonly absentMs: number }
  | { readonly do: 'crash'; readonly replica: 'leader' | 'standby'; readonly downMs: number }
  | { readonly do: 'lose the lease'; readonly leaderlessMs: number }
  | ({ readonly do: 'fault'; readonly skip: number } & Fault);

/** An action, and the time that passes after it. */
export type Timed = Action & { readonly thenMs: number };

export interface Story {
  readonly seed: number;
  readonly kind: string;
  readonly replicas: number;
  readonly strategy: object;
  readonly policy: {
    readonly mode?: 'Audit';
    readonly release: {
      readonly strategy?: 'Rolling';
      readonly batches?: readonly (number | string)[];
      readonly soakSeconds: number;
    };
    readonly onFail?: 'Suspend';
    readonly failurePolicy: 'Ignore' | 'Fail';
  };
  readonly actions: readonly Timed[];
}

class Dice {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  chance(share: number): boolean {
    return this.#random() < share;
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

/** Prefix of a version; the sandbox's pods of `bad…` cannot be pulled, and so on. */
const FATES = ['', '', '', 'slow', 'bad', 'crash', 'noready', 'oom'] as const;
export const isBadVersion = (version: string): boolean => /^(bad|crash|noready|oom)/.test(version);

const THEN_MS = [50, 300, 1000, 3000, 8000, 20_000];
const BATCHES: readonly (readonly (number | string)[])[] = [
  [1, '50%', '100%'],
  [1, '100%'],
  ['50%', '100%'],
  [2, 3, '100%'],
];

/** What an action is made from: the dice, and the versions that were pushed before. */
interface Draft {
  readonly dice: Dice;
  readonly kind: KindUnderTest;
  readonly versions: string[];
}

type Make = (draft: Draft) => Action;

const push: Make = ({ dice, versions }) => {
  const version = `${dice.pick(FATES)}${versions.length + 1}`;
  versions.push(version);
  return { do: 'set image', version };
};

const MISHAPS: Make = ({ dice }) => ({
  do: 'fault',
  skip: dice.below(dice.chance(0.5) ? 4 : 25),
  on: dice.pick(['write', 'write', 'write', 'read', 'watch'] as const),
  lost: dice.pick(['call', 'answer'] as const),
  fault: dice.pick<CallFault>([
    { kind: 'answer', status: 409 },
    { kind: 'answer', status: 500 },
    { kind: 'answer', status: 429, retryAfterSeconds: 1 },
    { kind: 'reset' },
    { kind: 'silence' },
    { kind: 'delay', ms: 2500 },
    { kind: 'delay', ms: 300 },
  ]),
});

const LINE_MISHAPS: Make = ({ dice }) => ({
  do: 'fault',
  skip: dice.below(40),
  on: 'line',
  fault: dice.pick<WatchFault>([
    { kind: 'cut' },
    { kind: 'duplicate' },
    { kind: 'delay', ms: 500 },
    { kind: 'delay', ms: 4000 },
    { kind: 'gone' },
    { kind: 'stall' },
  ]),
});

/** Groups of actions. A story has some of the groups only: rare combinations become likely. */
const GROUPS: readonly (readonly Make[])[] = [
  [
    ({ dice, versions }) => ({ do: 'set image', version: dice.pick(versions) }),
    ({ versions }) => ({ do: 'set image', version: versions.at(-1) ?? '1' }),
    ({ versions }) => ({ do: 'set image', version: versions[0] ?? '1' }),
    () => ({ do: 'undo' }),
    ({ dice }) => ({ do: 'restart', mark: String(dice.below(1_000_000)) }),
  ],
  [
    ({ dice, kind }) => ({ do: 'scale', replicas: dice.pick(scalesOf(kind)) }),
    ({ dice, kind }) => ({ do: 'scale', replicas: dice.pick(scalesOf(kind)) }),
  ],
  [
    ({ dice, kind }) => ({ do: 'edit', spec: dice.pick([...kind.edits, ...kind.strategies]) }),
    ({ dice, kind }) => ({ do: 'edit', spec: dice.pick([...kind.edits, ...kind.strategies]) }),
  ],
  [({ dice }) => ({ do: 'decide', action: dice.pick(['Resume', 'RollBack', 'Lift'] as const) })],
  [
    ({ dice }) => ({ do: 'delete pod', nth: dice.below(20) }),
    ({ dice }) => ({ do: 'scale ReplicaSet', nth: dice.below(5), replicas: dice.below(5) }),
    ({ dice }) => ({
      do: 're-create',
      version: `again${dice.below(1000)}`,
      absentMs: dice.pick([0, 100, 5000]),
    }),
  ],
  [
    ({ dice }) => ({
      do: 'crash',
      replica: dice.pick(['leader', 'leader', 'standby'] as const),
      downMs: dice.pick([100, 700, 5000, 40_000]),
    }),
    ({ dice }) => ({ do: 'lose the lease', leaderlessMs: dice.pick([0, 0, 700, 15_000]) }),
  ],
  [MISHAPS, MISHAPS, LINE_MISHAPS],
];

/** From zero replicas, such a kind has no verified pods to go back to, only the newest ones. */
function scalesOf({ leaks }: KindUnderTest): readonly number[] {
  return Object.values(leaks).includes('ScaleUpFromZero') ? [1, 2, 3, 5, 6] : [0, 1, 2, 3, 5, 6];
}

/** The story of a seed. */
export function storyOf(seed: number, kind: KindUnderTest): Story {
  const dice = new Dice(seed);
  const draft: Draft = { dice, kind, versions: ['1'] };
  const groups = GROUPS.filter(() => dice.chance(0.45));
  const story = {
    seed,
    kind: kind.adapter.descriptor.resource.kind,
    replicas: dice.pick([3, 4, 5]),
    strategy: dice.pick(kind.strategies),
    policy: policyOf(dice),
  };
  const length = 2 + dice.below(5);
  const actions = Array.from({ length }, (): Timed => {
    const makes = groups.length === 0 || dice.chance(0.4) ? [push] : dice.pick(groups);
    return { ...dice.pick(makes)(draft), thenMs: dice.pick(THEN_MS) };
  });
  return { ...story, actions };
}

function policyOf(dice: Dice): Story['policy'] {
  const soakSeconds = dice.pick([1, 3, 5]);
  const release = dice.chance(0.08)
    ? ({ strategy: 'Rolling', soakSeconds } as const)
    : { batches: dice.pick(BATCHES), soakSeconds };
  return {
    ...(dice.chance(0.08) ? ({ mode: 'Audit' } as const) : {}),
    release,
    ...(dice.chance(0.2) ? ({ onFail: 'Suspend' } as const) : {}),
    failurePolicy: dice.pick(['Ignore', 'Fail'] as const),
  };
}
