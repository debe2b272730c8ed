// SPDX-License-Identifier: Apache-2.0

import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findRetired, namesFor } from './words/find.ts';
import { RETIRED } from './words/retired.ts';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const files = globSync('{packages/*/src,test,tools,demo,bench}/**/*.ts', {
  exclude: ['**/node_modules/**', '**/dist/**'],
});
const lines = files.flatMap((file) =>
  findRetired(readFileSync(file, 'utf8'), namesFor(RETIRED, file)).map(
    ({ line, name, successor }) => `${file}:${line}: use ${successor} instead of ${name}`,
  ),
);
for (const line of lines) console.error(line);
if (lines.length > 0) process.exitCode = 1;
