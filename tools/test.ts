// SPDX-License-Identifier: Apache-2.0

import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { pipeline } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const USAGE = `npm test [-- FILTER…], npm run e2e [-- [--kubernetes VERSION] [--write] FILTER…]
Runs the test files of a suite whose path contains one of the filters; all without a filter.
  --write  tests that measure put their figures into docs/measured; then run npm run generate`;

interface Suite {
  readonly patterns: readonly string[];
  readonly concurrency: number;
  /** Per file. */
  readonly timeoutMs: number;
  /** What is done once, before the first file. */
  readonly prepare: (kubernetes: string | undefined) => Promise<void>;
}

const SUITES: Readonly<Record<string, Suite>> = {
  unit: {
    patterns: [
      'packages/**/*.test.ts',
      'tools/**/*.test.ts',
      'test/sandbox/**/*.test.ts',
      'test/conformance/**/*.test.ts',
      'test/explore/**/*.test.ts',
      'demo/**/*.test.ts',
    ],
    concurrency: availableParallelism(),
    timeoutMs: process.env['EXPLORE'] === 'full' ? 4 * 3_600_000 : 6 * 60_000,
    prepare: () => Promise.resolve(),
  },
  e2e: {
    patterns: ['test/e2e/**/*.test.ts'],
    // Each file starts a control plane; two at once would only slow each other down.
    concurrency: 1,
    timeoutMs: 20 * 60_000,
    prepare: buildControlPlane,
  },
};

/** Tells the test files, which run as child processes, to write what they measured. */
const WRITE_VARIABLE = 'ALTERSHIELD_WRITE_FIGURES';

async function buildControlPlane(kubernetes: string | undefined): Promise<void> {
  const { findBinaries } = await import('../test/cluster/binaries.ts');
  const { VERSION_VARIABLE, chooseVersion } = await import('../test/cluster/versions.ts');
  const version = chooseVersion(kubernetes);
  // The test files run as child processes and start the same version.
  process.env[VERSION_VARIABLE] = version;
  const log = (line: string): void => {
    console.log(line);
  };
  await findBinaries({ log }, version);
}

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { kubernetes: { type: 'string' }, write: { type: 'boolean' } },
    allowPositionals: true,
  });
  const [name = '', ...filters] = positionals;
  const suite = SUITES[name];
  if (suite === undefined) {
    console.error(USAGE);
    return 2;
  }
  const files = testFiles(suite.patterns, filters);
  if (files.length === 0) {
    console.error(`run the ${name} tests: no test file matches ${filters.join(' ') || 'at all'}`);
    return 1;
  }
  await suite.prepare(values.kubernetes);
  if (values.write === true) process.env[WRITE_VARIABLE] = 'true';
  return await runFiles(files, suite);
}

function testFiles(patterns: readonly string[], filters: readonly string[]): string[] {
  const found = globSync([...patterns], { exclude: ['**/node_modules/**', '**/dist/**'] });
  const wanted = (file: string): boolean =>
    filters.length === 0 || filters.some((filter) => file.includes(filter));
  return found.filter(wanted).sort();
}

/** Runs the files and gives the exit code; no test at all is a failure, too. */
async function runFiles(files: string[], { concurrency, timeoutMs }: Suite): Promise<number> {
  let passed = 0;
  let failed = 0;
  const stream = run({
    files,
    concurrency,
    timeout: timeoutMs,
    execArgv: ['--conditions=@altershield/source'],
    cwd: fileURLToPath(new URL('..', import.meta.url)),
  });
  stream.on('test:fail', () => (failed += 1));
  stream.on('test:pass', ({ name }) => {
    // A file without tests passes under its own name.
    if (!name.endsWith('.test.ts')) passed += 1;
  });
  await pipeline(stream.compose(new spec()), process.stdout, { end: false });
  if (passed + failed === 0) console.error('no test ran');
  return failed > 0 || passed === 0 ? 1 : 0;
}

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
