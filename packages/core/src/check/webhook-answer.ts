// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { MAX_EVIDENCE } from './limits.ts';

/** Version of the protocol between the operator and plug-ins. */
export const WEBHOOK_VERSION = 'checks.altershield.io/v1';

const evidence = z
  .object({
    pod: z.string().max(253),
    container: z.string().max(63),
    reason: z.string().max(64),
    message: z.string().max(512),
  })
  .partial()
  .required({ reason: true });

/** An unknown field is ignored: a later version may add some. */
const answer = z.object({
  id: z.string(),
  verdict: z.enum(['Pass', 'Fail', 'Inconclusive', 'Pending']),
  reason: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9]{0,63}$/, 'must be CamelCase')
    .optional(),
  message: z.string().max(1024).optional(),
  evidence: z.array(evidence).max(MAX_EVIDENCE).optional(),
  retryAfterSeconds: z.number().min(0).max(3600).optional(),
});

/** What a plug-in said about a batch. */
export type WebhookAnswer = Readonly<Omit<z.output<typeof answer>, 'id'>> & {
  readonly type: 'Webhook';
};

/** The answer in a body, or what is wrong with it. The id says which question it is an answer to. */
export function parseWebhookAnswer(text: string, id: string): WebhookAnswer | string {
  const parsed = answer.safeParse(jsonIn(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const field = issue?.path.map(String).join('.') ?? '';
    return field === ''
      ? 'its answer is not a JSON object'
      : `${field} of its answer: ${issue?.message}`;
  }
  const { id: answered, ...said } = parsed.data;
  if (answered !== id)
    return 'its answer has the id of another question; answer with the id that was sent';
  return { type: 'Webhook', ...said };
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
