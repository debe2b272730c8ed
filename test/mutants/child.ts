// SPDX-License-Identifier: Apache-2.0
import { explore } from '../explore/explore.ts';
import { PINNED } from '../explore/pinned.ts';
import { KINDS } from '../support/kinds.ts';

// Plays the pinned stories, then seeds of each kind in turn, until one breaks a law, and prints that.
const most = Number(process.argv[2]);

async function firstBroken(): Promise<object> {
  for (const { title, story } of PINNED) {
    const { kind, seed } = story;
    const { violations } = await explore({ kind, seed, pinned: title });
    const [first] = violations;
    if (first !== undefined) return { kind, seed, story: title, ...first };
  }
  for (let seed = 1; seed <= most; seed += 1) {
    for (const { adapter } of KINDS) {
      const { kind } = adapter.descriptor.resource;
      const { violations } = await explore({ kind, seed });
      const [first] = violations;
      if (first !== undefined) return { kind, seed, ...first };
    }
  }
  return {};
}

console.log(JSON.stringify(await firstBroken()));
