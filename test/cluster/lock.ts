// SPDX-License-Identifier: Apache-2.0

import { readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 500;

/** Runs `work` while no other process holds the lock file; one left by a dead process is taken over. */
export async function withLock<T>(
  file: string,
  log: (line: string) => void,
  work: () => Promise<T>,
): Promise<T> {
  let announced = '';
  while (!(await tryLock(file))) {
    const holder = await readHolder(file);
    if (holder !== announced) log(`waiting for process ${holder}, which holds ${file}`);
    announced = holder;
    await sleep(POLL_MS);
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

/** Whether a process of this id runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

async function tryLock(file: string): Promise<boolean> {
  try {
    await writeFile(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    const holder = Number(await readHolder(file));
    if (holder > 0 && !isAlive(holder)) await rm(file, { force: true });
    return false;
  }
}

async function readHolder(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch(() => '');
}
