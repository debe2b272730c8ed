// SPDX-License-Identifier: Apache-2.0
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { IssueAnswer } from './issue.child.ts';
import type { IssueRequest, IssuedPair } from './issue.ts';

/** Lies beside this file: as a source, compiled, and in a bundle. */
const PROGRAM = fileURLToPath(new URL(`./issue.child${extname(import.meta.url)}`, import.meta.url));

/**
 * Issues certificates in a child process, so that the memory of the library is freed: it is needed
 * once in two months. A thread would keep most of its memory.
 * Rejects with the child's error or exit code, or when `signal` aborts.
 */
export async function issueInChild(
  request: IssueRequest,
  signal: AbortSignal,
): Promise<IssuedPair> {
  // The child must not inherit the operator's flags: a debugger flag would make it wait.
  const child = fork(PROGRAM, { signal, execArgv: [] });
  const ended = once(child, 'exit').then(([code, by]: unknown[]) => {
    throw new Error(`issue certificates: the child process exited (${String(by ?? code)})`);
  });
  // A child that failed to start cannot receive a message; `ended` then rejects with the cause.
  child.once('spawn', () => child.send(request, () => undefined));
  const [answer] = (await Promise.race([once(child, 'message'), ended])) as [IssueAnswer];
  if ('made' in answer) return answer.made;
  throw new Error(`issue certificates: ${answer.error}`);
}
