// SPDX-License-Identifier: Apache-2.0
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { machine } from '../support/page.ts';
import { markdown } from '../support/table.ts';
import { measure } from './tables.ts';
import { readSets } from './read.ts';

const PAGE = fileURLToPath(new URL('../../docs/detectors.md', import.meta.url));
const [BEGIN, END] = ['<!-- bench:detect -->', '<!-- /bench:detect -->'];

const USAGE = `npm run bench:detect [-- [--data DIR] [--trials N] [--write]]
Runs every detector on every data set that is found, and prints tables in markdown.
  --data DIR  copies of kontrast, ChangeRCA, NAB and cloud-monitoring-dataset in DIR;
              without it, the samples of this repository
  --trials N  good changes per set of recorded noise; default 1000
  --write     also puts the tables into docs/detectors.md`;

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string' },
      trials: { type: 'string', default: '1000' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const on = machine();
  const text = measure(readSets(values.data), Number(values.trials), (line) => {
    process.stderr.write(`# ${line}\n`);
  })
    .map(({ title, table, note }) => `### ${title}\n\n${markdown(table)}\n\n${note}`)
    .join('\n\n');
  console.log(text);
  if (values.write) await write(`${text}\n\n*${new Date().toISOString().slice(0, 10)}; ${on}.*`);
  return 0;
}

async function write(text: string): Promise<void> {
  const page = await readFile(PAGE, 'utf8');
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) {
    throw new Error(`write the tables: ${PAGE} lacks the marks ${BEGIN} and ${END}; add them`);
  }
  await writeFile(PAGE, `${page.slice(0, from + BEGIN.length)}\n\n${text}\n\n${page.slice(to)}`);
}

process.exitCode = await main(process.argv.slice(2));
