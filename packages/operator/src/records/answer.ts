// SPDX-License-Identifier: Apache-2.0
import { CHANGE_APPROVALS } from '@altershield/api';
import type { ApprovalAnswer } from '@altershield/core';
import { isConflict, isNotFound, type Scheduler, type WriteThroughClient } from '@altershield/kube';

export interface AnswerDeps {
  readonly client: WriteThroughClient;
  readonly scheduler: Pick<Scheduler, 'now'>;
}

/** Writes what became of users' decisions into their status. */
export async function answer(
  answers: readonly ApprovalAnswer[],
  deps: AnswerDeps,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(answers.map((each) => answerOne(each, deps, signal)));
}

async function answerOne(
  { approval: { metadata }, ...condition }: ApprovalAnswer,
  { client, scheduler }: AnswerDeps,
  signal: AbortSignal,
): Promise<void> {
  const { namespace = '', name, uid, resourceVersion, generation } = metadata;
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  const lastTransitionTime = new Date(scheduler.now()).toISOString();
  const conditions = [
    {
      type: 'Effective',
      ...condition,
      message: condition.message.slice(0, 1024),
      lastTransitionTime,
      ...observed,
    },
  ];
  const body = { metadata: { uid, resourceVersion }, status: { ...observed, conditions } };
  try {
    const patch = { type: 'merge', body } as const;
    await client.patch(CHANGE_APPROVALS, { namespace, name }, patch, {
      subresource: 'status',
      signal,
    });
  } catch (error) {
    // It was deleted, or changed: its event leads to another answer.
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}
