// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { publishedFolders } from './published.ts';

const run = promisify(execFile);

/** Only tests import these. */
const TEST_MODULES =
  /from '(node:test|node:assert[^']*|fast-check|@altershield\/(testing|sandbox)[^']*)'/;

interface Packed {
  readonly name: string;
  readonly files: readonly { readonly path: string }[];
}

/** What npm would publish. `dist` is compiled from `src`, and may be from an earlier build here. */
async function pack(): Promise<readonly Packed[]> {
  const workspaces = publishedFolders().flatMap((folder) => ['--workspace', folder]);
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts', ...workspaces];
  const { stdout } = await run('npm', args, { maxBuffer: 1 << 24 });
  const packages = JSON.parse(stdout) as readonly Packed[];
  return packages.map(({ name, files }) => ({
    name,
    files: files.filter(({ path }) => !path.startsWith('dist/')),
  }));
}

test('only the layers, the rules and the command line are published, without test code', async () => {
  assert.deepEqual(
    publishedFolders().map((folder) => basename(folder)),
    ['api', 'cel', 'cli', 'core', 'kube', 'operator'],
  );
  for (const { name, files } of await pack()) {
    const folder = join('packages', name.replace('@altershield/', ''));
    const paths = files.map(({ path }) => path);
    assert.ok(paths.includes('src/index.ts'), name);
    assert.deepEqual(
      paths.filter((path) => /\.test\.|test-support|testing\//.test(path)),
      [],
    );
    for (const path of paths.filter((file) => /\.[jt]s$/.test(file))) {
      assert.doesNotMatch(await readFile(join(folder, path), 'utf8'), TEST_MODULES, path);
    }
  }
});
