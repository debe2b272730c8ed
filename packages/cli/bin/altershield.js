#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The compiled program where it is installed; in a clone the sources as they are, so that nothing need be built.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const { dirname } = import.meta;

if (dirname.includes('node_modules')) {
  await import('../dist/main.js');
} else {
  const main = join(dirname, '../src/main.ts');
  const args = ['--conditions=@altershield/source', main, ...process.argv.slice(2)];
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
