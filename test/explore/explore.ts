// SPDX-License-Identifier: Apache-2.0
import { kindNamed } from '../support/kinds.ts';
import { PINNED } from './pinned.ts';
import { play, type Outcome } from './play.ts';
import { shrink, toText } from './shrink.ts';
import { storyOf, type Story } from './story.ts';

/** One run of an exploration. */
export interface Run {
  readonly kind: string;
  readonly seed: number;
  /** Plays the story of this name from `pinned.ts` in place of the seed's. */
  readonly pinned?: string;
  /** Each action has its consequences before the next one comes. */
  readonly isCalm?: true;
}

/** More than any change needs to end. */
const CALM_MS = 300_000;

function storyFor({ kind, seed, isCalm, pinned }: Run): Story {
  const found = PINNED.find(({ title }) => title === pinned);
  if (found !== undefined) return found.story;
  const story = storyOf(seed, kindNamed(kind));
  if (isCalm !== true) return story;
  return { ...story, actions: story.actions.map((action) => ({ ...action, thenMs: CALM_MS })) };
}

/** Plays the story of a seed; an exception counts as a broken law. */
export async function explore(run: Run): Promise<Outcome> {
  return playSafely(storyFor(run));
}

async function playSafely(story: Story): Promise<Outcome> {
  try {
    return await play(story);
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const nothing = { history: [], digest: '', simulatedMs: 0, tasks: 0, writes: 0 };
    return { ...nothing, violations: [{ law: 'errors', what }] };
  }
}

/** The shortest story that breaks the same law as this seed does, and what it breaks. */
export async function explain(run: Run): Promise<string> {
  const { kind, seed } = run;
  const story = storyFor(run);
  const [broken] = (await playSafely(story)).violations;
  if (broken === undefined) return `${kind} ${seed}: no law is broken`;
  const least = await shrink(story, async (candidate) => {
    const { violations } = await playSafely(candidate);
    return violations.some(({ law }) => law === broken.law);
  });
  const { violations, history } = await playSafely(least);
  const laws = violations.map(({ law, what }) => `  breaks ${law}: ${what}`);
  const changes = `  changes: ${history.join('; ')}`;
  const replay = `  replay: npm run explore -- --seed ${seed} --kind ${kind}`;
  return [toText(least), ...laws, changes, replay].join('\n');
}

/** What must not change without a change of the recorded file: every change with how it ended. */
export const outcomeLine = ({ seed }: Run, { history }: Outcome): string =>
  `${seed}: ${history.join('; ')}`;
