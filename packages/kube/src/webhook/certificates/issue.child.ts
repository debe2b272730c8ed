// SPDX-License-Identifier: Apache-2.0
// The child process of issue-in-child.ts: one request, one answer.
import { issue, type IssueRequest, type IssuedPair } from './issue.ts';

export type IssueAnswer = { readonly made: IssuedPair } | { readonly error: string };

const answer = (one: IssueAnswer): void => {
  process.send?.(one, () => {
    process.disconnect();
  });
};

process.once('message', (request: IssueRequest) => {
  issue(request).then(
    (made) => {
      answer({ made });
    },
    (error: unknown) => {
      answer({ error: String(error) });
    },
  );
});
