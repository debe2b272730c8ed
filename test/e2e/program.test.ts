// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { eventually } from '@altershield/testing/eventually';

const MAIN = fileURLToPath(new URL('../cluster/main.ts', import.meta.url));
const run = promisify(execFile);

interface Running {
  readonly child: ChildProcess;
  readonly dir: string;
  readonly kubectl: string;
}

const started: ChildProcess[] = [];

after(() => {
  for (const child of started) child.kill('SIGTERM');
});

test('npm run cluster starts several clusters at once, each with all users, and Ctrl-C leaves nothing behind', async () => {
  const clusters = await Promise.all([start(), start()]);
  for (const { dir, kubectl } of clusters) {
    const whoami = async (kubeconfig: string): Promise<string> => {
      const args = ['--kubeconfig', join(dir, kubeconfig), 'auth', 'whoami', '-o', 'json'];
      const { stdout } = await run(kubectl, args);
      return JSON.parse(stdout).status.userInfo.username as string;
    };
    assert.deepEqual(await Promise.all(['kubeconfig', 'kubeconfigs/developer'].map(whoami)), [
      'kubernetes-admin',
      'alice',
    ]);
    assert.match(await whoami('kubeconfigs/gitops'), /flux/);
    assert.match(await whoami('kubeconfigs/operator'), /altershield/);
  }
  for (const { child, dir } of clusters) {
    assert.ok(process.platform !== 'linux' || programsOf(dir).length > 4);
    child.kill('SIGINT');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    assert.equal(existsSync(dir), false);
    assert.deepEqual(programsOf(dir), []);
  }
});

async function start(): Promise<Running> {
  const child = spawn(process.execPath, ['--conditions=@altershield/source', MAIN]);
  started.push(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  }
  await eventually(
    () => {
      assert.match(said, /Ctrl-C stops it/);
      return true;
    },
    { what: 'the cluster', timeoutMs: 90_000 },
  );
  const word = (after: string): string => new RegExp(`${after} +(\\S+)`).exec(said)?.[1] ?? '';
  return { child, dir: word('files, logs'), kubectl: word('kubectl') };
}

/** Command lines with the folder in them, of all that runs on this machine, where it tells them. */
const programsOf = (dir: string): string[] =>
  globSync('/proc/[0-9]*/cmdline').flatMap((file) => {
    try {
      const line = readFileSync(file, 'utf8');
      return line.includes(dir) ? [line.replaceAll('\0', ' ')] : [];
    } catch {
      // It ended meanwhile.
      return [];
    }
  });
