// SPDX-License-Identifier: Apache-2.0
import {
  MAX_DECISIONS,
  type ChangeApproval,
  type ChangeWorkloadStatus,
  type PastDecision,
} from '@altershield/api';

/** A decision as the record of the change keeps it. */
export const entryOf = ({
  metadata: { uid },
  spec: { decision, author, at, reason },
}: ChangeApproval): Omit<PastDecision, 'carriedOut'> => ({
  action: decision,
  approval: uid,
  ...(author === undefined ? {} : { by: author.user }),
  ...(at === undefined ? {} : { at }),
  ...(reason === undefined ? {} : { reason }),
});

/** The decisions on record with these added: the newest ones when there are too many. */
export const withDecisions = (
  { decisions = [] }: ChangeWorkloadStatus,
  added: readonly PastDecision[],
): readonly PastDecision[] => [...decisions, ...added].slice(-MAX_DECISIONS);
