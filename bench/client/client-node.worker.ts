// SPDX-License-Identifier: Apache-2.0
import { CoreV1Api, Watch } from '@kubernetes/client-node';
import { answerParent } from '../support/answer.ts';
import { kubeConfigOf } from '../support/client-node.ts';
import { timed, type Order, type Pace } from './pace.ts';

const methods = {
  get: ({ place, count, concurrency }: Order): Promise<Pace> => {
    const core = kubeConfigOf(place).makeApiClient(CoreV1Api);
    return timed({ count, concurrency }, () =>
      core.readNamespacedPod({ namespace: 'team-0', name: 'pod-0' }),
    );
  },
  watch: async ({ place, count }: Order): Promise<Pace> => {
    const watch = new Watch(kubeConfigOf(place));
    let seen = 0;
    const once = (): Promise<void> =>
      new Promise((resolve) => {
        void watch.watch(
          '/api/v1/pods',
          {},
          () => (seen += 1),
          () => {
            resolve();
          },
        );
      });
    const pace = await timed({ count: 1, concurrency: 1 }, once);
    if (seen !== count) throw new Error(`watch: ${seen} events of ${count}`);
    return pace;
  },
};

export type ClientNode = typeof methods;
answerParent(methods);
