// SPDX-License-Identifier: Apache-2.0
import { readFile, writeFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './compile.ts';

const PAGE = join(ROOT, 'docs/performance.md');

/** What the figures are measured on, and how busy it is at this moment, which is to be the start. */
export function machine(): string {
  const [first] = cpus();
  const memory = `${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  return `${cpus().length} × ${first?.model.trim() ?? 'unknown CPU'}, ${memory}, ${type()}, Node ${process.version}, load at the start ${load()}`;
}

const load = (): string => (loadavg()[0] ?? 0).toFixed(1);

/** Replaces, in docs/performance.md, the text between the marks of each section that was measured. */
export async function writeResults(
  texts: ReadonlyMap<string, string>,
  command: string,
  measuredOn: string,
): Promise<void> {
  let page = await readFile(PAGE, 'utf8');
  const made = `*${new Date().toISOString().slice(0, 10)}: \`${command}\`; ${measuredOn}, at the end ${load()}.*`;
  for (const [name, text] of texts) page = replaced(page, name, `${text}\n\n${made}`);
  await writeFile(PAGE, page);
}

function replaced(page: string, name: string, text: string): string {
  const [begin, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) {
    throw new Error(
      `write the figures of ${name}: ${PAGE} lacks the marks ${begin} and ${end}; add them`,
    );
  }
  return `${page.slice(0, from + begin.length)}\n${text}\n${page.slice(to)}`;
}
