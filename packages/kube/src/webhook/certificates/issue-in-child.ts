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
 * Makes certificates in a process of its own, which takes the library with it when it ends: it is
 * needed once in two months. A thread would leave most of its megabytes behind.
 * Rejects with what the process says or dies of, or when `signal` aborts.
 */
export async function issueInChild(
  request: IssueRequest,
  signal: AbortSignal,
): Promise<IssuedPair> {
  // Flags of the operator's own are not for it: those of a debugger would make it wait for one.
  const child = fork(PROGRAM, { signal, execArgv: [] });
  const ended = once(child, 'exit').then(([code, by]: unknown[]) => {
    throw new Error(`issue certificates: the process for it ended (${String(by ?? code)})`);
  });
  // To one that never began, or is gone already, nothing can be said, and `ended` tells why.
  child.once('spawn', () => child.send(request, () => undefined));
  const [answer] = (await Promise.race([once(child, 'message'), ended])) as [IssueAnswer];
  if ('made' in answer) return answer.made;
  throw new Error(`issue certificates: ${answer.error}`);
}
