// SPDX-License-Identifier: Apache-2.0
import { NotAsTold } from './not-as-told.ts';
import { Observer } from './observer.ts';
import { pictureOf } from './picture.ts';
import { type Stage } from './stage.ts';
import { tellStory } from './story.ts';
import { paint, piece } from './text.ts';
import { PlainView, TerminalView, type View } from './view.ts';

export interface Flags {
  readonly real: boolean;
  readonly fast: boolean;
}

/** A stage, and what makes its time pass while something is awaited. */
interface Theatre {
  readonly stage: Stage;
  readonly run: <T>(work: Promise<T>) => Promise<T>;
}

/** Sets the stage, tells the story, clears up; gives the exit code. */
export async function play(flags: Flags): Promise<number> {
  const startedAt = performance.now();
  const stop = new AbortController();
  const isTerminal = hasTerminal();
  const view = isTerminal ? terminalView() : new PlainView(write);
  let theatre: Theatre | undefined;
  const clearUp = async (): Promise<void> => {
    stop.abort(new Error('the demo is over'));
    view.close();
    await theatre?.stage.stop();
  };
  const interrupted = whenInterrupted(view);
  const telling = (async () => {
    theatre = await open(flags, stop.signal);
    return await perform(theatre, view, { signal: stop.signal, colours: isTerminal });
  })();
  try {
    const ending = await Promise.race([telling, interrupted]);
    await clearUp();
    if (ending === undefined) return 130;
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    applaud(`${ending}, ${seconds} s.`, isTerminal, flags);
    return 0;
  } catch (error) {
    const log = theatre?.stage.operatorLog() ?? [];
    await clearUp();
    lament(error, log);
    return 1;
  } finally {
    // An interrupted start takes down what it had started before it rejects.
    await telling.catch(() => undefined);
  }
}

async function open({ real, fast }: Flags, signal: AbortSignal): Promise<Theatre> {
  const run = <T>(work: Promise<T>): Promise<T> => work;
  if (real) {
    const { realStage } = await import('./real.ts');
    const progress = (line: string): void => {
      write(`  ${line}\n`);
    };
    return { run, stage: await realStage(progress, signal) };
  }
  const { hurriedStage, watchedStage } = await import('./simulated.ts');
  return fast ? await hurriedStage() : { run, stage: await watchedStage() };
}

async function perform(
  { stage, run }: Theatre,
  view: View,
  { signal, colours }: { readonly signal: AbortSignal; readonly colours: boolean },
): Promise<string> {
  const { scheduler } = stage;
  const observer = new Observer(stage.client('admin'), scheduler);
  await run(observer.start(signal));
  const startedAt = scheduler.now();
  view.watch(
    () => pictureOf(observer, startedAt, scheduler.now()),
    (changed) => {
      observer.onChange(changed);
    },
  );
  return await run(tellStory({ stage, observer, audience: view, colours }));
}

const write = (text: string): void => {
  process.stdout.write(text);
};

function hasTerminal(): boolean {
  const { env, stdout } = process;
  const isSet = (name: string): boolean => (env[name] ?? '') !== '';
  return stdout.isTTY && !isSet('CI') && !isSet('NO_COLOR') && env['TERM'] !== 'dumb';
}

function terminalView(): TerminalView {
  const { stdout } = process;
  return new TerminalView({
    write,
    size: () => ({ columns: stdout.columns, rows: stdout.rows }),
    onResize: (run) => stdout.on('resize', run),
  });
}

/** Resolves at the first signal; npm and the terminal both send one for a single Ctrl-C. */
function whenInterrupted(view: View): Promise<undefined> {
  return new Promise((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(name, () => {
        view.close();
        resolve(undefined);
      });
    }
  });
}

function applaud(ending: string, isTerminal: boolean, { real }: Flags): void {
  const line = `The story ended as told: ${ending}`;
  write(`\n${isTerminal ? paint(piece(line, 'good')) : line}\n`);
  if (!real) write('The same on a real control plane: npm run demo -- --real\n');
}

function lament(error: unknown, log: readonly string[]): void {
  if (error instanceof NotAsTold) {
    write(
      `\n✖ The story took another turn. Not true: "${error.sentence}"\n  Seen: ${error.seen}\n`,
    );
  } else {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    write(`\n✖ The story could not be told: ${text}\n`);
  }
  if (log.length > 0) write(`  The operator said last:\n${log.map((l) => `    ${l}\n`).join('')}`);
}
