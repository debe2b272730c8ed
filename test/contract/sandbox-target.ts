// SPDX-License-Identifier: Apache-2.0

import { Client, RESOURCES } from '@altershield/kube';
import {
  createSandbox,
  type AdmissionTransport,
  type KubernetesVersion,
  type MatchEvaluator,
  type VirtualScheduler,
} from '@altershield/sandbox';
import { answerReview } from './answer-review.ts';
import type { ContractTarget, ReviewRequest, ReviewResponse } from './target.ts';

/** The sandbox as the suite's target, under a clock that the caller runs. */
export function sandboxTarget(
  scheduler: VirtualScheduler,
  kubernetes?: KubernetesVersion,
): ContractTarget {
  const webhooks = new Map<string, (request: ReviewRequest) => ReviewResponse>();
  const sandbox = createSandbox({
    scheduler,
    kubernetes,
    admission: { transport: callWebhooks(webhooks), evaluateMatchCondition },
  });
  const client = (username: string, groups: readonly string[]): Client =>
    new Client({
      transport: sandbox.transport({ username, groups: [...groups, 'system:authenticated'] }),
      scheduler,
      fieldManager: `suite-${username}`,
    });
  const admin = client('admin', ['system:masters']);
  let namespaces = 0;
  return {
    admin,
    developer: client('alice', ['developers']),
    scheduler,
    namespace: async (labels = {}) => {
      namespaces += 1;
      const name = `test-${namespaces}`;
      const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
      await admin.create(RESOURCES.namespace, '', body);
      return name;
    },
    webhook: (answer) => {
      const url = `https://webhook-${webhooks.size}.sandbox/review`;
      webhooks.set(url, answer);
      return Promise.resolve({ url, caBundle: '' });
    },
  };
}

const callWebhooks =
  (webhooks: ReadonlyMap<string, (request: ReviewRequest) => ReviewResponse>): AdmissionTransport =>
  (url, review) => {
    const answer = webhooks.get(url);
    if (answer === undefined) throw new Error(`Post "${url}?timeout=10s": connection refused`);
    return { status: 200, body: answerReview(review, answer) };
  };

/** Knows the one expression that the suite uses. */
const evaluateMatchCondition: MatchEvaluator = (expression, { request }) => {
  const [, name] = /^request\.userInfo\.username != "(.*)"$/.exec(expression) ?? [];
  const { username } = request['userInfo'] as { username: string };
  return username !== name;
};
