// SPDX-License-Identifier: Apache-2.0
import type { Story, Timed } from './story.ts';

/** Whether a story still fails in the same way. */
export type Fails = (story: Story) => Promise<boolean>;

/**
 * The smallest story that still fails: delta debugging over its actions, then a simpler workload and
 * policy. Every part of the result is needed.
 */
export async function shrink(story: Story, fails: Fails): Promise<Story> {
  const fewer = await withFewerActions(story, fails);
  let least = fewer;
  for (const simpler of SIMPLER) {
    const candidate = simpler(least);
    if (candidate !== least && (await fails(candidate))) least = candidate;
  }
  return withShorterPauses(least, fails);
}

/** Removes ever smaller parts of the list, as long as the rest still fails. */
async function withFewerActions(story: Story, fails: Fails): Promise<Story> {
  let actions = [...story.actions];
  for (let size = Math.ceil(actions.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < actions.length;) {
      const rest = actions.toSpliced(at, size);
      if (await fails({ ...story, actions: rest })) actions = rest;
      else at += size;
    }
  }
  return { ...story, actions };
}

const SIMPLER: readonly ((story: Story) => Story)[] = [
  (story) => ({ ...story, policy: { ...story.policy, release: { batches: [1], soakSeconds: 1 } } }),
  ({ policy: { onFail: _, ...policy }, ...story }) => ({ ...story, policy }),
  (story) => ({ ...story, policy: { ...story.policy, failurePolicy: 'Ignore' } }),
  (story) => (story.replicas === 3 ? story : { ...story, replicas: 3 }),
];

/** One pause after the other, to the shortest with which it still fails. */
async function withShorterPauses(story: Story, fails: Fails): Promise<Story> {
  let least = story;
  for (const [at, { thenMs }] of story.actions.entries()) {
    for (const shorter of [0, 1000, 5000].filter((ms) => ms < thenMs)) {
      const actions = least.actions.with(at, { ...(least.actions[at] as Timed), thenMs: shorter });
      if (!(await fails({ ...least, actions }))) continue;
      least = { ...least, actions };
      break;
    }
  }
  return least;
}

/** A line for the workload and its policy, and one for each action. */
export function toText({ seed, kind, replicas, strategy, policy, actions }: Story): string {
  const lines = actions.map(({ do: what, thenMs, ...facts }) => {
    const details = Object.entries(facts).map(
      ([name, value]) => `${name}=${JSON.stringify(value)}`,
    );
    return `  ${what} ${details.join(' ')}, then ${thenMs} ms`;
  });
  const head = `seed ${seed}: ${kind} with ${replicas} replicas, ${JSON.stringify(strategy)}`;
  return [head, `  policy ${JSON.stringify(policy)}`, ...lines].join('\n');
}
