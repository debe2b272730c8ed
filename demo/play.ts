// SPDX-License-Identifier: Apache-2.0
import { isatty } from 'node:tty';
import { UnexpectedOutcome } from './unexpected-outcome.ts';
import { Observer } from './observer.ts';
import { pictureOf } from './picture.ts';
import type { Cluster } from './cluster.ts';
import { runScenario } from './story.ts';
import { paint, piece } from './text.ts';
import { PlainView, TerminalView, type View } from './view.ts';

export interface Flags {
  readonly real: boolean;
  readonly fast: boolean;
}

/** A stage, and what makes its time pass while something is awaited. */
interface Scenario {
  readonly cluster: Cluster;
  readonly run: <T>(work: Promise<T>) => Promise<T>;
}

interface ScenarioView {
  readonly view: View;
  readonly isTerminal: boolean;
  readonly signal: AbortSignal;
}

const INTERRUPTED = Symbol('interrupted');

/** Sets the stage, tells the story, clears up; gives the exit code. */
export async function play(flags: Flags): Promise<number> {
  const startedAt = performance.now();
  const stop = new AbortController();
  const isTerminal = hasTerminal();
  const view = isTerminal ? terminalView() : new PlainView(write);
  const interrupted = whenInterrupted(view);
  const opening = open(flags, stop.signal);
  const clearUp = async (): Promise<void> => {
    view.close();
    stop.abort(new Error('the demo is over'));
    // A stage that is not up yet takes down what it has, and rejects.
    await opening.then(({ cluster }) => cluster.stop()).catch(() => undefined);
  };
  try {
    const running = opening.then((scenario) =>
      runWithView(scenario, { view, isTerminal, signal: stop.signal }),
    );
    const ending = await Promise.race([running, interrupted]);
    await clearUp();
    if (ending === INTERRUPTED) {
      write('Interrupted; everything that was started is stopped.\n');
      return 130;
    }
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    reportSuccess(`${ending}, ${seconds} s.`, isTerminal, flags);
    return 0;
  } catch (error) {
    const log = await opening.then(({ cluster }) => cluster.operatorLog()).catch(() => []);
    await clearUp();
    reportFailure(error, log);
    return 1;
  }
}

async function open({ real, fast }: Flags, signal: AbortSignal): Promise<Scenario> {
  const run = <T>(work: Promise<T>): Promise<T> => work;
  if (real) {
    const { realCluster } = await import('./real.ts');
    const progress = (line: string): void => {
      if (!signal.aborted) write(`  ${line}\n`);
    };
    return { run, cluster: await realCluster(progress, signal) };
  }
  write('Loading the operator, and a cluster to run it against …\n');
  const { hurriedCluster, watchedCluster } = await import('./simulated.ts');
  return fast ? await hurriedCluster() : { run, cluster: await watchedCluster() };
}

async function runWithView(
  { cluster, run }: Scenario,
  { view, isTerminal, signal }: ScenarioView,
): Promise<string> {
  const { scheduler } = cluster;
  const observer = new Observer(cluster.client('admin'), scheduler);
  await run(observer.start(signal));
  const startedAt = scheduler.now();
  view.watch(
    () => pictureOf(observer, startedAt, scheduler.now()),
    (changed) => {
      observer.onChange(changed);
    },
  );
  const columns = isTerminal ? process.stdout.columns : undefined;
  return await run(runScenario({ cluster, observer, output: view, colors: isTerminal, columns }));
}

const write = (text: string): void => {
  process.stdout.write(text);
};

function hasTerminal(): boolean {
  const { env } = process;
  const isSet = (name: string): boolean => (env[name] ?? '') !== '';
  return isatty(1) && !isSet('CI') && !isSet('NO_COLOR') && env['TERM'] !== 'dumb';
}

function terminalView(): TerminalView {
  const { stdout } = process;
  return new TerminalView({
    write,
    size: () => ({ columns: stdout.columns, rows: stdout.rows }),
    onResize: (run) => stdout.on('resize', run),
  });
}

/**
 * Resolves at the first signal, or when nobody reads any more. Later signals change nothing: npm and
 * the terminal both send one for a single Ctrl-C.
 */
function whenInterrupted(view: View): Promise<typeof INTERRUPTED> {
  process.once('exit', () => {
    view.close();
  });
  return new Promise((resolve) => {
    const end = (): void => {
      view.close();
      resolve(INTERRUPTED);
    };
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, end);
    process.stdout.on('error', end);
  });
}

function reportSuccess(ending: string, isTerminal: boolean, { real }: Flags): void {
  const line = `The story ended as told: ${ending}`;
  write(`\n${isTerminal ? paint(piece(line, 'good')) : line}\n`);
  if (!real) write('The same on a real control plane: npm run demo -- --real\n');
}

function reportFailure(error: unknown, log: readonly string[]): void {
  if (error instanceof UnexpectedOutcome) {
    write(
      `\n✖ The story took another turn. Not true: "${error.sentence}"\n  Seen: ${error.seen}\n`,
    );
  } else {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    write(`\n✖ The story could not be told: ${text}\n`);
  }
  if (log.length > 0) write(`  The operator said last:\n${log.map((l) => `    ${l}\n`).join('')}`);
}
