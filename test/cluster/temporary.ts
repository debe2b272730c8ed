// SPDX-License-Identifier: Apache-2.0

import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive } from './lock.ts';

const PREFIX = 'altershield-cluster-';

/** A folder for a cluster's files that its owner removes. */
export interface TemporaryDir {
  readonly path: string;
  remove(): Promise<void>;
}

/** A new temporary folder. Those of processes that were killed before they could remove theirs are removed. */
export async function temporaryDir(): Promise<TemporaryDir> {
  await removeOrphans();
  const path = await mkdtemp(join(tmpdir(), PREFIX));
  return { path, remove: () => remove(path) };
}

async function removeOrphans(): Promise<void> {
  const names = await readdir(tmpdir());
  const dirs = names.filter((name) => name.startsWith(PREFIX)).map((name) => join(tmpdir(), name));
  for (const dir of dirs) {
    if (await isOrphan(dir)) await remove(dir);
  }
}

/** A folder without a pid is one that somebody is just about to use. */
async function isOrphan(dir: string): Promise<boolean> {
  const file = join(dir, 'pid');
  if (!existsSync(file)) return false;
  const pid = Number(await readFile(file, 'utf8').catch(() => '0'));
  return pid > 0 && !isAlive(pid);
}

async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 3 });
}
