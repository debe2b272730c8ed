// SPDX-License-Identifier: Apache-2.0

/** One change of the story. A tag says what becomes of its pods: one that begins with `bad` cannot be pulled. */
export interface Act {
  readonly name: 'goodChange' | 'badChange' | 'denial' | 'nextChange';
  readonly tag: string;
  readonly user: 'developer' | 'gitops';
  /** The phase in which the record of the change ends; `Denied`: admission denies the write. */
  readonly ends: 'Success' | 'RolledBack' | 'Denied';
  /** Number of the change, by its record. */
  readonly sequence: number;
}

const act = (
  name: Act['name'],
  tag: string,
  user: Act['user'],
  [ends, sequence]: readonly [Act['ends'], number],
): Act => ({ name, tag, user, ends, sequence });

/**
 * What the demo, the tour, the simulations and the tests on a real control plane play: a user
 * releases a good revision; a GitOps tool applies a bad one, which is rolled back, and applies it
 * again, which is denied; the next good revision passes.
 */
export const STORY = {
  /** The tag that runs before. */
  start: '1.0',
  goodChange: act('goodChange', '1.1', 'developer', ['Success', 1]),
  badChange: act('badChange', 'bad-1.2', 'gitops', ['RolledBack', 2]),
  denial: act('denial', 'bad-1.2', 'gitops', ['Denied', 2]),
  nextChange: act('nextChange', '1.3', 'gitops', ['Success', 3]),
} as const;

/** Where the story is played. */
export interface Stage {
  /** Applies the tag of an act. Resolves to whether the API server accepted it. */
  readonly apply: (act: Act) => Promise<boolean>;
  /** Waits until the record of an act is in the phase in which it ends. */
  readonly untilEnd: (act: Act) => Promise<void>;
  /** Called after each act. */
  readonly after?: (act: Act) => Promise<void> | void;
}

/** Plays the story, with so many denials. Throws if a write is denied or accepted unexpectedly. */
export async function playStory(stage: Stage, denials = 1): Promise<void> {
  const { goodChange, badChange, denial, nextChange } = STORY;
  const repeated = Array.from({ length: denials }, () => denial);
  for (const one of [goodChange, badChange, ...repeated, nextChange]) {
    const isAccepted = await stage.apply(one);
    if (isAccepted !== (one.ends !== 'Denied')) {
      throw new Error(
        `${one.name}: the API server ${isAccepted ? 'accepted' : 'denied'} ${one.tag}`,
      );
    }
    await stage.untilEnd(one);
    await stage.after?.(one);
  }
}
