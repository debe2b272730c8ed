// SPDX-License-Identifier: Apache-2.0
import { compile } from './support/compile.ts';
import type { Result, Section } from './support/section.ts';
import { markdown } from './support/table.ts';
import { machine, writeResults } from './support/page.ts';
import { admission } from './admission/admission.ts';
import { client } from './client/client.ts';
import { crowd } from './crowd/crowd.ts';
import { evidence } from './evidence/evidence.ts';
import { held } from './held/held.ts';
import { idle } from './idle/idle.ts';
import { memory } from './memory/memory.ts';
import { rollout } from './rollout/rollout.ts';
import { daemonSet, statefulSet } from './stateful-set/stateful-set.ts';
import { story } from './story/story.ts';

const SECTIONS: readonly Section[] = [
  ...[story, statefulSet, daemonSet, rollout, held, crowd, idle],
  ...[evidence, admission, memory, client],
];

const USAGE = `npm run bench [-- [--write] [SECTION…]]
Measures, and prints tables in markdown. Sections: ${SECTIONS.map(({ name }) => name).join(', ')}; all without a name.
  --write  also puts them into docs/performance.md`;

const say = (line: string): void => {
  process.stderr.write(`# ${line}\n`);
};

const textOf = ({ tables, notes }: Result): string =>
  [...tables.map(markdown), ...notes].join('\n\n');

async function runAll(sections: readonly Section[]): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const { name, title, run } of sections) {
    const began = performance.now();
    say(title);
    const text = textOf(
      await run((line) => {
        say(`  ${line}`);
      }),
    );
    console.log(`## ${title}\n\n${text}\n`);
    say(`${((performance.now() - began) / 1000).toFixed(0)} s`);
    texts.set(name, text);
  }
  return texts;
}

async function main(args: readonly string[]): Promise<number> {
  const names = args.filter((arg) => !arg.startsWith('-'));
  const unknown = names.filter((name) => !SECTIONS.some((section) => section.name === name));
  const isWrong =
    unknown.length > 0 || args.some((arg) => arg.startsWith('-') && arg !== '--write');
  if (isWrong) {
    console.error(USAGE);
    return 2;
  }
  say('compiling');
  await compile();
  const measuredOn = machine();
  console.log(`${measuredOn}\n`);
  const chosen = SECTIONS.filter(({ name }) => names.length === 0 || names.includes(name));
  const texts = await runAll(chosen);
  if (args.includes('--write')) {
    await writeResults(texts, ['npm run bench --', ...args].join(' '), measuredOn);
  }
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.stack : error);
  process.exitCode = 1;
}
