// SPDX-License-Identifier: Apache-2.0
import {
  Client,
  RESOURCES,
  createUndiciTransport,
  fixedCredentials,
  realScheduler,
} from '@altershield/kube';
import { answerParent } from '../support/answer.ts';
import type { Endpoint } from '../memory/api.worker.ts';
import { timed, type Order, type Pace } from './pace.ts';

const clientOf = ({ url, ca }: Endpoint): Client =>
  new Client({
    transport: createUndiciTransport({
      server: url,
      ca,
      credentials: fixedCredentials({ token: 'bench' }),
    }),
    scheduler: realScheduler,
    fieldManager: 'bench',
  });

const methods = {
  get: ({ place, count, concurrency }: Order): Promise<Pace> => {
    const client = clientOf(place);
    return timed({ count, concurrency }, () =>
      client.get(RESOURCES.pod, { namespace: 'team-0', name: 'pod-0' }),
    );
  },
  watch: async ({ place, count }: Order): Promise<Pace> => {
    const client = clientOf(place);
    let seen = 0;
    const pace = await timed({ count: 1, concurrency: 1 }, async () => {
      for await (const _event of client.watch(RESOURCES.pod, {
        resourceVersion: '1',
        timeoutSeconds: 60,
      }))
        seen += 1;
    });
    if (seen !== count) throw new Error(`watch: ${seen} events of ${count}`);
    return pace;
  },
};

export type Ours = typeof methods;
answerParent(methods);
