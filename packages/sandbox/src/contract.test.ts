// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import { CONTRACT } from '../../../test/contract/suite.ts';
import { sandboxTarget } from '../../../test/contract/sandbox-target.ts';
import type { Behavior } from '../../../test/contract/target.ts';
import { VirtualScheduler, type KubernetesVersion } from './index.ts';

function suite(
  topic: string,
  behaviors: readonly Behavior[],
  kubernetes?: KubernetesVersion,
): void {
  describe(`sandbox${kubernetes === undefined ? '' : ` ${kubernetes}`}: ${topic}`, () => {
    for (const { name, check } of behaviors) {
      test(name, async () => {
        const scheduler = new VirtualScheduler({ seed: 7, order: 'shuffled' });
        const target = sandboxTarget(scheduler, kubernetes);
        await scheduler.complete(check(target), { maxMs: 300_000 });
      });
    }
  });
}

for (const [topic, behaviors] of Object.entries(CONTRACT)) suite(topic, behaviors);

/** Only StatefulSets differ between the versions that the sandbox knows. */
for (const [topic, behaviors] of Object.entries(CONTRACT)) {
  if (topic.includes('stateful')) suite(topic, behaviors, '1.37');
}
