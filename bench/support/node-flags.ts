// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './compile.ts';

/** The flags that the image gives Node: what is measured is what is shipped. */
export const NODE_FLAGS: readonly string[] = readFlags();

function readFlags(): string[] {
  const dockerfile = readFileSync(join(ROOT, 'deploy/Dockerfile'), 'utf8');
  const entrypoint = /^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)?.[1] ?? '[]';
  const words = JSON.parse(entrypoint) as readonly string[];
  return words.filter((word) => word.startsWith('--'));
}
