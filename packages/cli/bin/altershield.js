#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The compiled program where it is installed; in a clone the sources as they are, on the Node that `npm ci` brought.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const { dirname } = import.meta;

if (dirname.includes('node_modules')) {
  await import('../dist/main.js');
} else {
  const node = join(dirname, '../../../node_modules/.bin/node');
  const main = join(dirname, '../src/main.ts');
  const args = ['--conditions=@altershield/source', main, ...process.argv.slice(2)];
  const { status } = spawnSync(node, args, { stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
