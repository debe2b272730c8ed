// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { count, text } from './common.ts';

const APPROVAL_BEFORE = ['Change', 'Batch'] as const;

/** Who must approve. */
const approvers = {
  from: z
    .array(
      z.strictObject({
        group: text(256, 'Group of the user, as the API server knows it.').min(1),
        count: count('How many users of the group must approve.', 1).max(16).default(1),
      }),
    )
    .min(1)
    .max(8)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['group'] })
    .describe(
      'Who must approve: every entry must be met, and an approval counts for each group of its user. Default: one user who may approve.',
    ),
  expiresSeconds: z
    .int32()
    .min(1)
    .max(31_536_000)
    .default(86_400)
    .describe('An approval that is not used within this time does not count any more.'),
  allowAuthor: z
    .boolean()
    .default(false)
    .describe('Whether the user who made the change may approve it.'),
};

/** Who must approve a change, and before what. */
export const approval = z
  .strictObject({
    before: z
      .enum(APPROVAL_BEFORE)
      .default('Change')
      .describe('Change: once, before its first pod. Batch: before every batch.'),
    ...approvers,
  })
  .describe(
    'Approval before pods are released. Only users who have the verb `approve` on changeworkloads.altershield.io may approve. A rollback never waits for it.',
  );

/** Who must approve one step. */
export const stepApproval = z
  .strictObject(approvers)
  .describe(
    'Approval before this step, in place of `release.approval`. Only users who have the verb `approve` on changeworkloads.altershield.io may approve. A rollback never waits for it.',
  );
