// SPDX-License-Identifier: Apache-2.0
import type { Client, Scheduler } from '@altershield/kube';
import { painter, type View } from './render/style.ts';

/** The output streams of a command, and properties of the terminal. */
export interface IOStreams {
  /** Results. A line feed is added. */
  readonly out: (text: string) => void;
  /** Progress, warnings and errors. */
  readonly err: (text: string) => void;
  readonly colors: boolean;
  /** Columns of the terminal; absent when the output is not a terminal. */
  readonly columns?: number | undefined;
}

/** Options that every command takes. */
export interface GlobalOptions {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly namespace?: string | undefined;
}

/** A connection to one cluster. */
export interface Session {
  readonly client: Client;
  /** The namespace that the configuration names, or `default`. */
  readonly namespace: string;
  readonly server: string;
  close(): Promise<void>;
}

/** The external dependencies of commands. */
export interface CommandContext {
  readonly io: IOStreams;
  readonly scheduler: Scheduler;
  connect(globals: GlobalOptions): Promise<Session>;
}

export async function withSession<T>(
  cli: CommandContext,
  globals: GlobalOptions,
  run: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await cli.connect(globals);
  try {
    return await run(session);
  } finally {
    await session.close();
  }
}

export const viewOf = ({ io, scheduler }: CommandContext): View => ({
  paint: painter(io.colors),
  now: scheduler.now(),
  columns: io.columns,
});
