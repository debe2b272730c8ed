#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The compiled program where it is installed; in a clone the sources as they are, on the Node that `npm ci` brought.
import { spawnSync } from 'node:child_process';
import { basename, join } from 'node:path';

const { dirname } = import.meta;
// kubectl asks its plug-ins by this name what may follow.
if (basename(process.argv[1] ?? '').startsWith('kubectl_complete-')) {
  process.argv.splice(2, 0, '__complete', '--for-kubectl', '--');
}

if (dirname.includes('node_modules')) {
  await import('../dist/main.js');
} else {
  const node = join(dirname, '../../../node_modules/.bin/node');
  const main = join(dirname, '../src/main.ts');
  const args = ['--conditions=@altershield/source', main, ...process.argv.slice(2)];
  const { status } = spawnSync(node, args, { stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
