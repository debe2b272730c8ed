// SPDX-License-Identifier: Apache-2.0
import type { ChangePolicySpec, CheckReason, CheckResult } from '@altershield/api';
import type { Check, CheckInput } from './check.ts';
import { resultOf, type CheckOutcome } from './finding.ts';
import { lookAt, type Look } from './metric.ts';
import { activePods } from './observe-pod.ts';
import type { PodView } from './pod-view.ts';
import type { Reading, WebhookRead } from './request.ts';
import { WEBHOOK_VERSION, type WebhookAnswer } from './webhook-answer.ts';

export type Webhook = NonNullable<ChangePolicySpec['checks']['webhooks']>[number];

/** The plug-ins that a policy names. */
export const webhookChecks = ({ settings: { webhooks = [] } }: CheckInput): Check[] =>
  webhooks.map((webhook) => ({
    name: webhook.name,
    isRequired: webhook.required,
    evaluate: (input) => ({ unhealthy: 0, ...judge(webhook, input) }),
  }));

type Judged = Omit<CheckOutcome, 'unhealthy'>;

/**
 * Asks the plug-in once all pods of the batch are ready, and again until it gives a verdict. No
 * answer by the deadline is Inconclusive: a broken plug-in neither passes nor fails a batch.
 */
function judge(webhook: Webhook, input: CheckInput): Judged {
  const look = lookAt({ ...webhook, observeSeconds: 0 }, input);
  if (look === undefined) return { result: pending(webhook, 'AwaitingPods', 'waits for the pods') };
  const reading = newestReading(webhook, input, look);
  const result = resultFrom(webhook, reading);
  if (result.verdict !== 'Pending') return { result };
  if (look.isOverdue) return { result: overdue(webhook, result) };
  const deadline = deadlineOf(webhook, look);
  const askAt = reading === undefined ? 0 : reading.at + waitMs(webhook, reading);
  if (askAt > input.pods.now) return { result, dueAt: Math.min(askAt, deadline) };
  const key = `${prefixOf(input, look)}${reading?.at ?? 0}`;
  const request = { check: webhook.name, key, read: readOf(webhook, input, look) };
  return { result, dueAt: deadline, requests: [request] };
}

/** An answer about earlier pods, or after the deadline, does not count. */
function newestReading(webhook: Webhook, input: CheckInput, look: Look): Reading | undefined {
  const reading = input.readings.get(webhook.name);
  if (reading?.key.startsWith(prefixOf(input, look)) !== true) return undefined;
  return reading.at <= deadlineOf(webhook, look) ? reading : undefined;
}

const prefixOf = ({ checked }: CheckInput, { readyAt }: Look): string =>
  `${checked.batch}/${readyAt}/`;

const deadlineOf = ({ deadlineSeconds }: Webhook, { readyAt }: Look): number =>
  readyAt + deadlineSeconds * 1000;

const waitMs = ({ intervalSeconds }: Webhook, { answer }: Reading): number =>
  1000 *
  Math.max(intervalSeconds, answer?.type === 'Webhook' ? (answer.retryAfterSeconds ?? 0) : 0);

function resultFrom(webhook: Webhook, reading: Reading | undefined): CheckResult {
  if (reading?.error !== undefined)
    return pending(webhook, 'PluginUnavailable', reading.error.message);
  if (reading?.answer?.type !== 'Webhook')
    return pending(webhook, 'PluginAsked', 'the plug-in has not answered yet');
  return resultOf(webhook.name, withDefaults(reading.answer));
}

const withDefaults = (answer: WebhookAnswer) => ({
  verdict: answer.verdict,
  reason: answer.reason ?? ('PluginAnswered' satisfies CheckReason),
  message: answer.message ?? 'the plug-in gave no message',
  evidence: answer.evidence ?? [],
});

const overdue = ({ deadlineSeconds }: Webhook, result: CheckResult): CheckResult => ({
  ...result,
  verdict: 'Inconclusive',
  message: `${result.message.slice(0, 900)}; no verdict within ${deadlineSeconds} s`,
});

const pending = ({ name }: Webhook, reason: CheckReason, message: string): CheckResult =>
  resultOf(name, { verdict: 'Pending', reason, message });

/** A plug-in learns of so many pods of each kind: the request stays small. */
const MAX_PODS = 500;

function readOf(webhook: Webhook, { checked, pods }: CheckInput, look: Look): WebhookRead {
  const { url, secretRef, ca, timeoutSeconds, settings = {} } = webhook;
  const { namespace, kind, workload, change, batch, total, detectedAt } = checked;
  return {
    ...{ type: 'Webhook', url, secretRef, ca, timeoutSeconds },
    question: {
      apiVersion: WEBHOOK_VERSION,
      change: { name: change, namespace, detectedAt: time(detectedAt) },
      workload: { kind, name: workload, namespace },
      batch: { number: batch, total, readyAt: time(look.readyAt) },
      pods: { updated: factsOf(pods.updated), stable: factsOf(pods.stable) },
      deadline: time(deadlineOf(webhook, look)),
      settings,
    },
  };
}

const factsOf = (pods: readonly PodView[]) =>
  activePods(pods)
    .slice(0, MAX_PODS)
    .map(({ name, uid, node, ready, restarts, createdAt }) => {
      return { name, uid, node, ready, restarts, createdAt: time(createdAt) };
    });

const time = (ms: number): string => new Date(ms).toISOString();
