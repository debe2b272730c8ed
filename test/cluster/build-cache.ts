// SPDX-License-Identifier: Apache-2.0

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { BuildOptions } from './go-build.ts';
import { isAlive, withLock } from './lock.ts';

/** A folder for built programs, outside the work tree: `$XDG_CACHE_HOME/altershield/<name>`. */
export function cacheFolder(name: string): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'altershield', name);
}

/** Fills a folder of a cache once; processes that want the same wait for the first, and a failed build leaves nothing. */
export async function buildOnce(
  dir: string,
  { log }: BuildOptions,
  fill: (staging: string) => Promise<void>,
): Promise<void> {
  if (existsSync(dir)) return;
  const cache = dirname(dir);
  await mkdir(cache, { recursive: true });
  await withLock(`${dir}.lock`, log, async () => {
    if (existsSync(dir)) return;
    await removeOrphans(cache);
    const staging = await mkdtemp(join(cache, `building-${process.pid}-`));
    try {
      await fill(staging);
      await rename(staging, dir);
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
  });
}

/** Removes what builds that were killed have left. */
async function removeOrphans(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const pid = Number(/^building-(\d+)-/.exec(name)?.[1] ?? process.pid);
    if (!isAlive(pid)) await rm(join(cache, name), { recursive: true, force: true });
  }
}

/** Names what is built from these Go files on this platform. */
export async function sourceHash(
  dir: string,
  isSource: (name: string) => boolean = () => true,
): Promise<string> {
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}`);
  const all = await readdir(dir, { recursive: true });
  const names = all.filter((name) => /\.(go|mod|sum)$/.test(name) && isSource(name));
  for (const name of names.sort()) {
    hash.update(`\0${name}\0`).update(await readFile(join(dir, name)));
  }
  return hash.digest('hex').slice(0, 16);
}
