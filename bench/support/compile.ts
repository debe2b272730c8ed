// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';

export const ROOT = join(import.meta.dirname, '../..');
/** Below node_modules, so that the compiled workers find the compiled packages. */
const OUT = join(ROOT, 'node_modules/.cache/altershield-bench');

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  rewriteRelativeImportExtensions: true,
};

/** Compiles the packages and the workers: what is measured is what is shipped, not sources whose types are stripped at start. */
export async function compile(): Promise<void> {
  await compilePackages();
  await mkdir(OUT, { recursive: true });
  await writeFile(join(OUT, 'package.json'), '{ "type": "module" }\n');
  await Promise.all(globSync('**/*.ts', { cwd: join(ROOT, 'bench') }).map(compileFile));
}

async function compilePackages(): Promise<void> {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  try {
    await promisify(execFile)(process.execPath, [tsc, '-b'], { cwd: ROOT });
  } catch (cause) {
    const { stdout } = { stdout: '', ...Object(cause) } as { readonly stdout: string };
    throw new Error(`compile the packages: ${stdout || String(cause)}`, { cause });
  }
}

/** Where the JavaScript of a file below bench/ lies. */
export const compiled = (file: string): string => join(OUT, file.replace(/\.ts$/, '.js'));

async function compileFile(file: string): Promise<void> {
  const source = await readFile(join(ROOT, 'bench', file), 'utf8');
  const { outputText } = ts.transpileModule(source, { compilerOptions: OPTIONS, fileName: file });
  await mkdir(dirname(compiled(file)), { recursive: true });
  await writeFile(compiled(file), outputText);
}
