// SPDX-License-Identifier: Apache-2.0
// The process of issue-apart.ts: one order, one answer.
import { issue, type IssueOrder, type IssuedPair } from './issue.ts';

export type IssueAnswer = { readonly made: IssuedPair } | { readonly trouble: string };

const answer = (one: IssueAnswer): void => {
  process.send?.(one, () => {
    process.disconnect();
  });
};

process.once('message', (order: IssueOrder) => {
  issue(order).then(
    (made) => {
      answer({ made });
    },
    (error: unknown) => {
      answer({ trouble: String(error) });
    },
  );
});
