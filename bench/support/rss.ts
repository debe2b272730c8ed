// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

/** Resident memory of a process, bytes; NaN where there is no /proc. */
export function rssOf(pid = 0): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? NaN) * 1024;
  } catch {
    return NaN;
  }
}

/** Resident memory of Node with a program that does nothing, bytes. */
export async function bareRss(): Promise<number> {
  const child = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1e6)']);
  await once(child.stdout, 'data');
  const rss = rssOf(child.pid);
  child.kill('SIGKILL');
  return rss;
}
