// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChangeWorkload } from '@altershield/api';
import { createLogger } from '@altershield/kube';
import { VirtualScheduler } from '@altershield/sandbox';
import { playStory, STORY, type Act } from '@altershield/testing/story';
import { deploymentManifest, policyManifest } from '../support/manifests.ts';
import { ALICE, GITOPS, Simulation } from '../support/simulation.ts';

const USERS = { developer: ALICE, gitops: GITOPS };
/** With one denial every 15 s: ten minutes of a GitOps loop. */
const DENIALS = 40;

const imageOf = (tag: string): string => `shop/checkout:${tag}`;
const isDenied = (error: unknown): false => {
  assert.match(String(error), /denies this revision/);
  return false;
};

test('a bad revision is held, checked, rolled back and denied; the next good one is released', async () => {
  const scheduler = new VirtualScheduler({ seed: 1 });
  const verbose = process.env['VERBOSE'] !== undefined;
  const log = createLogger({ level: verbose ? 'debug' : 'silent', pretty: true });
  const simulation = new Simulation({ scheduler, log });
  const { sandbox } = simulation;
  const play = async <T>(ms: number, work: Promise<T>): Promise<T> => {
    await scheduler.runFor(ms);
    return await work;
  };
  let badPods = 0;
  sandbox.onPod(() => {
    const bad = sandbox
      .pods({ namespace: 'shop' })
      .filter((pod) => JSON.stringify(pod.spec).includes(STORY.badChange.tag));
    badPods = Math.max(badPods, bad.length);
  });
  await play(1000, simulation.install());
  simulation.startOperator();
  await play(5000, sandbox.apply(deploymentManifest({ image: imageOf(STORY.start) })));
  await play(5000, sandbox.apply(policyManifest({ release: { soakSeconds: 2 } })));
  const phases = (): string[] =>
    (
      sandbox.server.store.list('changeworkloads.altershield.io') as unknown as ChangeWorkload[]
    ).map((c) => `${c.spec.to.images?.join()} ${c.status?.phase ?? ''} ${c.spec.actor.user}`);
  const apply = ({ tag, user }: Act): Promise<boolean> => {
    const write = sandbox.apply(deploymentManifest({ image: imageOf(tag) }), USERS[user]);
    return play(
      5000,
      write.then(() => true, isDenied),
    );
  };
  const untilEnd = ({ ends }: Act): Promise<void> =>
    scheduler.runFor(ends === 'Success' ? 35_000 : 15_000);
  await playStory({ apply, untilEnd }, DENIALS);
  assert.deepEqual(
    phases(),
    [STORY.goodChange, STORY.badChange, STORY.nextChange].map(
      ({ tag, ends, user }) => `${imageOf(tag)} ${ends} ${USERS[user].username}`,
    ),
  );
  assert.equal(badPods, 1);
});
