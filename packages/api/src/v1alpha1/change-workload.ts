// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { defineKind } from '../kind.ts';
import { changePolicySpec } from './change-policy.ts';
import { STRATEGIES } from './release.ts';
import {
  conditions,
  count,
  DECISIONS,
  evidence,
  phaseText,
  anyFields,
  targetRef,
  text,
  time,
  verdict,
  type DeepReadonly,
  type CustomResource,
} from './common.ts';

/** The meaning of each phase of a change. The reference page is generated from these texts. */
const PHASE_TEXTS = {
  Init: 'the change is recorded, and none of its pods are released yet',
  Running: 'pods of the new revision are released and checked',
  TimeOutPreThreshold: 'pods were not ready in time, and the policy continues with the ready ones',
  Suspend: 'no further pods are released until a user decides',
  RollingBack: 'the verified revision is being restored',
  Success: 'all pods are released; `verdict` says whether the revision is verified',
  Failed: 'the change or its rollback failed, and AlterShield does nothing more',
  RolledBack: 'the verified revision runs again',
  Superseded: 'a newer revision replaced this one before it ended',
} as const;
export type Phase = keyof typeof PHASE_TEXTS;
export const PHASES = Object.keys(PHASE_TEXTS) as [Phase, ...Phase[]];

export const OPERATIONS = ['Create', 'Update', 'Revert', 'PreExisting'] as const;

/** The number of decisions that a ChangeWorkload keeps. */
export const MAX_DECISIONS = 16;

const actor = z
  .strictObject({
    user: text(512, 'User name, as the API server authenticated it. Empty: not known.'),
    uid: text(128, 'User uid.').optional(),
    groups: z.array(z.string().max(256)).max(32).optional(),
    fieldManager: text(128, 'Field manager of the write.').optional(),
    stamped: z
      .boolean()
      .describe(
        'True: admission recorded the authenticated user. False: only the field manager is known.',
      ),
  })
  .describe('Who made the change.');

const cause = z
  .strictObject({
    tool: text(64, 'kubectl, Helm, Argo CD, Flux, Terraform, … or Unknown.'),
    action: text(64, 'Update, Create, Restart, or Undo: an earlier revision was applied again.'),
  })
  .describe('How it was made.');

const revision = z.strictObject({
  fingerprint: text(64, 'Identity of the pod template, stable across rollbacks.'),
  quarantineKey: text(
    64,
    'Identity of the pod template without restart annotations; a quarantine compares it.',
  ),
  images: z
    .array(z.string().max(512))
    .max(32)
    .optional()
    .describe('Images of its containers. Absent if it has none.'),
});

const from = revision
  .extend({
    verified: z
      .boolean()
      .describe(
        'Its change ended in Success, or it was running and healthy when the operator found it.',
      ),
    isNew: z
      .boolean()
      .optional()
      .describe(
        'A new workload whose first soak this change interrupted: its revision is verified once it has run alone and healthy for the soak time.',
      ),
    content: anyFields(
      'What makes up the revision, by JSON pointer into the workload: `/spec/template` of a Deployment.',
    ).optional(),
    template: anyFields('The pod template in a record of an earlier version.').optional(),
    ownership: text(
      65_536,
      'Field ownership of the template at that time, as JSON; a rollback restores it.',
    ).optional(),
  })
  .describe('The revision to roll back to. Absent for a new workload.');

const difference = z.strictObject({
  path: text(512, 'Where, e.g. containers[app].image.'),
  from: text(512, 'Value before; absent when added.').optional(),
  to: text(512, 'Value after; absent when removed.').optional(),
});

const policyRef = z
  .strictObject({
    namespace: text(63, 'Namespace of the policy.'),
    name: text(253, 'Name of the policy.'),
    uid: text(64, 'Its uid.'),
    generation: count('Its generation when the change began.'),
    spec: changePolicySpec,
  })
  .describe('The policy as it was when the change began; later edits do not affect this change.');

const release = z
  .strictObject({
    strategy: z
      .enum(STRATEGIES)
      .describe(
        'Batch, Canary, BlueGreen: held, then released step by step. Rolling: checked while it rolls out.',
      ),
    enforced: z
      .boolean()
      .describe(
        'True: the operator acts on the verdict. False: the change is checked and recorded only.',
      ),
    reason: text(
      512,
      'Why the change is not enforced, or not released by the strategy of the policy.',
    ).optional(),
  })
  .describe('How the change is released; decided once, when it is recorded.');

export const changeWorkloadSpec = z
  .strictObject({
    target: targetRef,
    sequence: count('Sequence number of the change, per workload.', 1),
    operation: z
      .enum(OPERATIONS)
      .describe(
        'What was done to the workload. Revert: a revision verified earlier was applied again. PreExisting: it had run and was healthy when the operator found it. All but Update are checked and recorded only.',
      ),
    detectedBy: z
      .enum(['Admission', 'Watch'])
      .describe('Watch: the change bypassed admission and was found later.'),
    detectedAt: time('When the change was seen.'),
    actor,
    cause,
    from: from.optional(),
    to: revision.describe('The revision that is being released.'),
    diff: z.array(difference).max(64).describe('What changed; secrets are masked.'),
    diffTruncated: z.boolean().optional().describe('True if the diff was truncated.'),
    policy: policyRef,
    release: release.optional(),
    notHeld: z
      .array(z.string().max(256))
      .max(16)
      .optional()
      .describe(
        'Fields of the change that took effect at once, by JSON pointer, although the change is held: the controller of the kind does not wait with them.',
      ),
  })
  .describe('What changed. Written once by the operator, and never edited.');

const batch = z
  .strictObject({
    index: count('Number of the batch in progress, from 1.', 1),
    total: count('Total number of batches.', 1),
    target: count('Updated pods when the batch is complete.'),
    through: count(
      'The last step of the policy that is done with it: steps of equal size need each of their approvals. Absent: no other step.',
      1,
    ).optional(),
    overridden: z.boolean().optional().describe('A user resumed the change despite the verdict.'),
    resumed: z
      .boolean()
      .optional()
      .describe('A user resumed the change after the pause that the policy asks for.'),
    skipped: z.boolean().optional().describe('A user skipped the rest of its soak time.'),
  })
  .describe('Progress of the release.');

const quarantine = z
  .strictObject({
    fingerprint: text(64, 'Identity of the quarantined template, without restart annotations.'),
    until: time('When the quarantine ends.'),
    lifted: z
      .strictObject({ by: text(512, 'The user who lifted it.'), at: time('When.') })
      .optional()
      .describe('Set when a user lifted the quarantine.'),
  })
  .describe('The revision is denied at admission for every user.');

const denied = z
  .strictObject({
    count: count('How often the quarantined revision was applied again.'),
    lastUser: text(512, 'The user who last applied it.'),
    lastAt: time('When.'),
  })
  .describe('Applications of the quarantined revision that were denied.');

const overridden = z
  .strictObject({
    phase: z.enum(PHASES).describe('Phase of the change.'),
    reason: text(64, 'Reason of the phase.'),
    message: text(1024, 'Its message.').optional(),
    verdict,
    batch: count('Number of the batch in progress, from 1.', 1).optional(),
    evidence: z.array(evidence).max(3).optional().describe('The evidence for the verdict.'),
  })
  .describe('State of the change when the decision was carried out.');

const pastDecision = z.strictObject({
  action: z.enum(DECISIONS).describe('What the user decided; see ChangeApproval.'),
  by: text(512, 'Who decided. Absent: admission did not see the decision.').optional(),
  at: time('When the decision was made.').optional(),
  reason: text(1024, 'The user’s reason.').optional(),
  carriedOut: z
    .boolean()
    .describe('False if the decision no longer applied to the change and had no effect.'),
  approval: text(64, 'Uid of the ChangeApproval.').optional(),
  overridden: overridden.optional(),
});

const hold = z
  .strictObject({
    id: text(64, 'Identity of the revision that the hold protects.'),
    userFields: anyFields(
      'The user’s values of the borrowed fields, by JSON pointer; fields that the user does not set are absent.',
    ),
  })
  .describe(
    'Copy of the annotation `altershield.io/hold`: the user’s fields are restored from it when the annotation is removed or edited.',
  );

/** The number of groups of edits that a ChangeWorkload keeps, and of names in each. */
export const MAX_EDITS = 16;
export const MAX_EDITED_NAMES = 20;

const inPlaceEdit = z.strictObject({
  kind: z.enum(['Pod', 'ReplicaSet']).describe('Kind of the edited objects.'),
  names: z
    .array(z.string().max(253))
    .max(MAX_EDITED_NAMES)
    .describe('Names of the edited objects; only the first are kept.'),
  count: count('Number of the edited objects.', 1),
  diff: z.array(difference).max(16).describe('What was edited in each; secrets are masked.'),
  actor: actor.describe('Who edited them.'),
  by: z
    .enum(['User', 'Controller'])
    .describe(
      'Controller: a component of Kubernetes or the VerticalPodAutoscaler edited them, not a user.',
    ),
  firstAt: time('When the first edit was seen.'),
  lastAt: time('When the last edit was seen.'),
});

export const changeWorkloadStatus = z
  .strictObject({
    observedGeneration: count(
      'The newest generation of the record that the operator observed.',
    ).optional(),
    phase: z.enum(PHASES).describe(`Phase of the change. ${phaseText(PHASE_TEXTS)}`),
    reason: text(64, 'CamelCase reason of the phase.'),
    message: text(1024, 'The reason as a sentence.'),
    verdict,
    batch: batch.optional(),
    hold: hold.optional(),
    startedAt: time('When the first batch was released.').optional(),
    phaseSince: time('When the phase or batch last changed.').optional(),
    finishedAt: time('When the change ended.').optional(),
    rolledBackAt: time('When the rollback was decided.').optional(),
    rolledBackAtSequence: count(
      'Sequence number of the newest change at the time of the rollback; the rolled-back change counts from then on.',
    ).optional(),
    revertedBy: actor
      .describe('The user who applied the previous revision again while the change was in flight.')
      .optional(),
    automaticRollback: z.boolean().optional().describe('True if no user requested the rollback.'),
    fromVerified: z
      .boolean()
      .optional()
      .describe(
        'True once `spec.from`, of a new workload, has run alone and healthy for the soak time.',
      ),
    restoredFingerprint: text(
      64,
      'Identity of the restored template, where another admission plug-in altered it.',
    ).optional(),
    quarantine: quarantine.optional(),
    deniedAttempts: denied.optional(),
    inPlaceEdits: z
      .array(inPlaceEdit)
      .max(MAX_EDITS)
      .optional()
      .describe(
        'Edits of pods and ReplicaSets of the workload that its pod template does not have, since the change was recorded, oldest first; only the newest are kept. Equal edits are one entry.',
      ),
    resumedAt: time(
      'When a user resumed the change; pods that existed then are accepted.',
    ).optional(),
    decisions: z
      .array(pastDecision)
      .max(MAX_DECISIONS)
      .optional()
      .describe('Decisions of users, oldest first; only the newest are kept.'),
    approval: z
      .strictObject({
        batch: count('The batch that was approved.', 1),
        step: count(
          'The last step of the policy that it was approved for: steps of equal size are one batch. Default: as the batch.',
          1,
        ).optional(),
        by: z.array(z.string().max(512)).max(32).describe('The users who approved it.'),
        at: time('When the approvals were enough.'),
      })
      .optional()
      .describe('The newest batch that was approved. Absent: none needed an approval yet.'),
    conditions: conditions('Message of the phase, once the change ended.')
      .optional()
      .describe(
        'Completed: the change ended. Succeeded: it ended in Success; Unknown until it ends.',
      ),
  })
  .describe('Status of the change. Written by the operator.');

/** CEL cannot compare absent fields, and access by `?` exceeds the cost limit; hence `has`. */
function unchanged(field: string, isOptional: boolean): string {
  const [now, before] = [`self.spec.${field}`, `oldSelf.spec.${field}`];
  const isSame = `${now} == ${before}`;
  return isOptional ? `has(${now}) == has(${before}) && (!has(${now}) || ${isSame})` : isSame;
}

export const ChangeWorkloadKind = defineKind({
  kind: 'ChangeWorkload',
  plural: 'changeworkloads',
  singular: 'changeworkload',
  shortNames: ['cw'],
  categories: ['changes', 'altershield'],
  description: 'One change of one workload: its user, diff, progress, verdict and actions.',
  spec: changeWorkloadSpec,
  status: changeWorkloadStatus,
  // The columns without `priority` fit into 120 characters.
  columns: [
    { name: 'Kind', type: 'string', jsonPath: '.spec.target.kind' },
    { name: 'Target', type: 'string', jsonPath: '.spec.target.name', priority: 1 },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    { name: 'Verdict', type: 'string', jsonPath: '.status.verdict' },
    { name: 'Batch', type: 'integer', jsonPath: '.status.batch.index' },
    { name: 'Of', type: 'integer', jsonPath: '.status.batch.total' },
    { name: 'Reason', type: 'string', jsonPath: '.status.reason' },
    { name: 'Tool', type: 'string', jsonPath: '.spec.cause.tool', priority: 1 },
    { name: 'Actor', type: 'string', jsonPath: '.spec.actor.user', priority: 1 },
    { name: 'Images', type: 'string', jsonPath: '.spec.to.images', priority: 1 },
    { name: 'Message', type: 'string', jsonPath: '.status.message', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  rules: [
    {
      rule: Object.entries(changeWorkloadSpec.shape)
        .map(([field, schema]) => unchanged(field, schema.safeParse(undefined).success))
        .join(' && '),
      message: 'what changed is a record and cannot be edited; users decide with a ChangeApproval',
      fieldPath: '.spec',
    },
  ],
});

export type ChangeWorkloadSpec = DeepReadonly<z.output<typeof changeWorkloadSpec>>;
export type ChangeWorkloadStatus = DeepReadonly<z.output<typeof changeWorkloadStatus>>;
export type ChangeWorkload = CustomResource<ChangeWorkloadSpec, ChangeWorkloadStatus>;
export type RecordedHold = NonNullable<ChangeWorkloadStatus['hold']>;
export type Actor = ChangeWorkloadSpec['actor'];
export type Cause = ChangeWorkloadSpec['cause'];
export type InPlaceEdit = NonNullable<ChangeWorkloadStatus['inPlaceEdits']>[number];
export type PastDecision = NonNullable<ChangeWorkloadStatus['decisions']>[number];
export type Difference = ChangeWorkloadSpec['diff'][number];
