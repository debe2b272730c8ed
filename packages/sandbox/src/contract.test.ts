// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import { CONTRACT } from '../../../test/contract/suite.ts';
import { sandboxTarget } from '../../../test/contract/sandbox-target.ts';
import { VirtualScheduler } from './index.ts';

for (const [topic, behaviours] of Object.entries(CONTRACT)) {
  describe(`sandbox: ${topic}`, () => {
    for (const { name, check } of behaviours) {
      test(name, async () => {
        const scheduler = new VirtualScheduler({ seed: 7, order: 'shuffled' });
        await scheduler.complete(check(sandboxTarget(scheduler)), { maxMs: 300_000 });
      });
    }
  });
}
