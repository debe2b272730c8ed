// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { defineKind } from '../kind.ts';
import {
  conditions,
  count,
  DECISIONS,
  text,
  time,
  type CustomResource,
  type DeepReadonly,
} from './common.ts';

const change = z
  .strictObject({
    name: text(253, 'Name of the ChangeWorkload, in the same namespace.').min(1),
    uid: text(64, 'Its uid. Set at admission where it is absent.').optional(),
  })
  .describe('The change that is decided on.');

const author = z
  .strictObject({
    user: text(512, 'User name, as the API server authenticated it.'),
    groups: z
      .array(z.string().max(256))
      .max(32)
      .optional()
      .describe('Groups of the user: those that the policy names come first.'),
  })
  .describe('Who decided. Set at admission, whatever the request says.');

export const changeApprovalSpec = z
  .strictObject({
    change,
    decision: z
      .enum(DECISIONS)
      .describe(
        'Approve: release the batch that waits for approval. Reject: do not; the change is rolled back. Pause: release no more pods. Resume: go on, in spite of the verdict. Skip: accept the pods of the batch as they are, without the rest of its soak time. RollBack: return to the verified revision. Lift: end the quarantine.',
      ),
    batch: count(
      'The batch that is approved. Default: the one that waits for approval, or else the next one.',
      1,
    ).optional(),
    reason: text(1024, 'Why, in the user’s words.').optional(),
    expiresAt: time(
      'An approval that is not used by then does not count any more. Default: by the policy.',
    ).optional(),
    author: author.optional(),
    at: time('When. Set at admission.').optional(),
    signature: text(
      64,
      'Signature of admission: without it the author is not believed.',
    ).optional(),
  })
  .describe('A decision of a user on a change. It cannot be edited.');

export const changeApprovalStatus = z
  .strictObject({
    observedGeneration: count('The newest generation that was read.').optional(),
    conditions: conditions('What followed, or why nothing did, with a hint.')
      .optional()
      .describe('Effective: whether the decision counted or was carried out.'),
  })
  .describe('Written by the operator.');

/** The CEL rule that `by`, `at` and everything else stay as admission saw them. */
const IMMUTABLE = {
  rule: 'self.spec == oldSelf.spec',
  message: 'a decision cannot be edited; create another ChangeApproval',
  fieldPath: '.spec',
} as const;

export const ChangeApprovalKind = defineKind({
  kind: 'ChangeApproval',
  plural: 'changeapprovals',
  singular: 'changeapproval',
  shortNames: ['cha'],
  categories: ['altershield'],
  description: 'A decision of a user on a change: approve, reject, pause, resume, roll back, …',
  spec: changeApprovalSpec,
  status: changeApprovalStatus,
  columns: [
    { name: 'Change', type: 'string', jsonPath: '.spec.change.name' },
    { name: 'Decision', type: 'string', jsonPath: '.spec.decision' },
    { name: 'Batch', type: 'integer', jsonPath: '.spec.batch' },
    { name: 'By', type: 'string', jsonPath: '.spec.author.user' },
    {
      name: 'Effective',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Effective")].status',
    },
    {
      name: 'Reason',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Effective")].reason',
    },
    {
      name: 'Message',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Effective")].message',
      priority: 1,
    },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  rules: [IMMUTABLE],
});

export type ChangeApprovalSpec = DeepReadonly<z.output<typeof changeApprovalSpec>>;
export type ChangeApprovalStatus = DeepReadonly<z.output<typeof changeApprovalStatus>>;
export type ChangeApproval = CustomResource<ChangeApprovalSpec, ChangeApprovalStatus>;
