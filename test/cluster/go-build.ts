// SPDX-License-Identifier: Apache-2.0

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { GO_DIR } from './versions.ts';

/** One program to build. */
export interface BuildTarget {
  readonly what: string;
  readonly pkg: string;
  readonly out: string;
  /** The folder of the go.mod; the control plane's unless told. */
  readonly dir?: string;
  /** Build tags, instead of the ones for Kubernetes. */
  readonly tags?: string;
  /** Replaces the module's own go.mod. */
  readonly modfile?: string;
  /** What the programs say they are; else they call themselves v0.0.0 and clients misjudge them. */
  readonly version?: string;
}

/** Who is told about a build that takes minutes, and how it is interrupted. */
export interface BuildOptions {
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

const PROGRESS_MS = 5_000;
const ERROR_LINES = 30;

/** How far a build is. */
interface Progress {
  compiled: number;
  /** Unknown as long as Go lists them; packages in Go's own cache are not compiled. */
  total: number | undefined;
  readonly output: string[];
}

/** Runs `go build` and reports every five seconds how far it is. */
export async function build(target: BuildTarget, { log, signal }: BuildOptions): Promise<void> {
  const started = performance.now();
  const elapsed = (): string => `${Math.round((performance.now() - started) / 1000)} s`;
  const flags = [
    '-v',
    ...moduleFlags(target),
    '-trimpath',
    '-buildvcs=false',
    '-ldflags',
    linkFlags(target),
  ];
  const child = go(['build', ...flags, '-o', target.out, target.pkg], target, signal);
  const progress = follow(child, target);
  const report = setInterval(() => {
    log(`  ${target.what}: ${describe(progress)}, ${elapsed()}`);
  }, PROGRESS_MS);
  try {
    await finished(child, target, progress.output);
  } finally {
    clearInterval(report);
  }
  log(`  ${target.what}: built in ${elapsed()}`);
}

function follow(child: ChildProcess, target: BuildTarget): Progress {
  const progress: Progress = { compiled: 0, total: undefined, output: [] };
  const lines = child.stderr && createInterface({ input: child.stderr });
  lines?.on('line', (line) => {
    if (/^[\w./~-]+$/.test(line)) progress.compiled += 1;
    else progress.output.push(line);
  });
  const options = { cwd: target.dir ?? GO_DIR, maxBuffer: 1 << 24 };
  execFile(
    'go',
    ['list', ...moduleFlags(target), '-deps', target.pkg],
    options,
    (error, stdout) => {
      if (error === null) progress.total = stdout.split('\n').length - 1;
    },
  );
  return progress;
}

function describe({ compiled, total, output }: Progress): string {
  if (compiled > 0) return `${compiled} of at most ${total ?? '…'} packages compiled`;
  const isDownloading = output.at(-1)?.startsWith('go: downloading') ?? false;
  return isDownloading ? `${output.length} modules downloaded` : 'loading packages and linking';
}

function go(args: readonly string[], target: BuildTarget, signal?: AbortSignal): ChildProcess {
  return spawn('go', args, {
    cwd: target.dir ?? GO_DIR,
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' },
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(signal && { signal }),
  });
}

async function finished(child: ChildProcess, target: BuildTarget, output: string[]): Promise<void> {
  await once(child, 'close').catch((cause: unknown) => {
    const cure = 'Is Go 1.26 or newer installed, and in the PATH?';
    throw new Error(`build ${target.what}: "go" did not run to its end. ${cure}`, { cause });
  });
  if (child.exitCode === 0) return;
  const tail = output.slice(-ERROR_LINES).join('\n  ');
  throw new Error(
    `build ${target.what}: go build ended with ${String(child.exitCode)}:\n  ${tail}`,
  );
}

/** Kubernetes before 1.31 contains a cloud provider that takes minutes to compile; the tag excludes it. */
function moduleFlags({ modfile, tags = 'providerless' }: BuildTarget): string[] {
  return [`-tags=${tags}`, ...(modfile === undefined ? [] : [`-modfile=${modfile}`])];
}

function linkFlags({ version }: BuildTarget): string {
  const [major, minor] = (version ?? '').replace('v', '').split('.');
  const stamps = { gitVersion: version, gitMajor: major, gitMinor: minor };
  const flags = Object.entries(stamps).map(
    ([name, value]) => `-X k8s.io/component-base/version.${name}=${value ?? ''}`,
  );
  return ['-s', '-w', ...(version === undefined ? [] : flags)].join(' ');
}
