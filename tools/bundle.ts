// SPDX-License-Identifier: Apache-2.0
// The operator and its libraries as a few files, as they lie in the image: a third less memory
// than hundreds of modules, and no node_modules to ship. Names stay, and lines are short: stack traces can be read.
import { build, type Metafile, type Plugin } from 'esbuild';
import { readFileSync } from 'node:fs';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const OUT = join(ROOT, 'dist/operator');
const DOCKERFILE = join(ROOT, 'deploy/Dockerfile');

/** Libraries in CommonJS ask for Node's own modules by `require`. */
const REQUIRE = `import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);`;

/** A process of its own, whose program the operator looks for beside its own. */
const ISSUER = 'packages/kube/src/webhook/certificates/issue.child.ts';

const UNDICI_POOLS = `
  require('undici/lib/dispatcher/dispatcher.js').prototype.request = require('undici/lib/api/api-request.js');
  exports.Pool = require('undici/lib/dispatcher/pool.js');`;

/** Of undici we use pools alone; its index loads eleven megabytes of fetch, mocks and caches beside them. */
const undiciPools: Plugin = {
  name: 'undici-pools',
  setup: (bundler) => {
    bundler.onResolve({ filter: /^undici$/ }, ({ path, resolveDir }) => ({
      path,
      namespace: 'pools',
      pluginData: resolveDir,
    }));
    bundler.onLoad({ filter: /./, namespace: 'pools' }, ({ pluginData }) => ({
      contents: UNDICI_POOLS,
      resolveDir: pluginData as string,
    }));
  },
};

/** Bundles the sources into `folder` and gives the path of its entry. */
export async function bundleOperator(folder = OUT): Promise<string> {
  await rm(folder, { recursive: true, force: true });
  const entryPoints = { main: 'packages/operator/src/main.ts', 'issue.child': ISSUER };
  await bundle(entryPoints, folder);
  return join(folder, 'main.mjs');
}

/**
 * Adds the command line, so that a Job can wait for a change without another image. It shares no
 * file with the operator, which would then load more than it uses.
 */
export async function bundleCommandLine(folder = join(OUT, 'cli')): Promise<string> {
  await bundle({ altershield: 'packages/cli/src/main.ts' }, folder);
  return join(folder, 'altershield.mjs');
}

async function bundle(
  entryPoints: Readonly<Record<string, string>>,
  folder: string,
): Promise<void> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints,
    outdir: folder,
    bundle: true,
    // What is loaded late, if ever, stays a file of its own.
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    conditions: ['@altershield/source'],
    // Not from a file: what is built does not depend on what lies around.
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
    outExtension: { '.js': '.mjs' },
    banner: { js: REQUIRE },
    plugins: [undiciPools],
    // Comments and blanks take memory, as one letter outside of ASCII does, which doubles all of it.
    charset: 'ascii',
    legalComments: 'none',
    minifyWhitespace: true,
    lineLimit: 120,
    metafile: true,
    logLevel: 'warning',
  });
  await writeFile(join(folder, 'NOTICES.txt'), await noticesOf(metafile));
}

/** Names, versions and licences of the libraries in a bundle. */
async function noticesOf({ inputs }: Metafile): Promise<string> {
  const folders = Object.keys(inputs).flatMap((path) => {
    const [, folder] = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path) ?? [];
    return folder === undefined ? [] : [join(ROOT, folder)];
  });
  const notices = await Promise.all([...new Set(folders)].sort().map(noticeOf));
  return notices.join(`\n\n${'-'.repeat(72)}\n\n`);
}

async function noticeOf(folder: string): Promise<string> {
  const text = await readFile(join(folder, 'package.json'), 'utf8');
  const { name, version, license } = JSON.parse(text) as Readonly<Record<string, string>>;
  const files = await readdir(folder);
  const wanted = files.filter((file) => /^(licen[cs]e|notice)/i.test(file)).sort();
  const texts = await Promise.all(wanted.map((file) => readFile(join(folder, file), 'utf8')));
  return [`${name} ${version} (${license})`, ...texts.map((each) => each.trim())].join('\n\n');
}

/** How the image starts Node. */
export interface ImageRuntime {
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Read from the Dockerfile, so that what is tested and measured is what is shipped. */
export function imageRuntime(): ImageRuntime {
  const dockerfile = readFileSync(DOCKERFILE, 'utf8');
  const entrypoint = /^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)?.[1] ?? '[]';
  const flags = (JSON.parse(entrypoint) as readonly string[]).filter((word) =>
    word.startsWith('--'),
  );
  const words = [...dockerfile.matchAll(/^ENV (.*)$/gm)].flatMap(([, line = '']) =>
    line.split(' '),
  );
  const env = Object.fromEntries(words.map((word) => word.split('=') as [string, string]));
  return { flags, env };
}

if (import.meta.main) {
  console.log(await bundleOperator());
  console.log(await bundleCommandLine());
}
