// SPDX-License-Identifier: Apache-2.0
import type { Client, Scheduler } from '@altershield/kube';
import { painter, type View } from './render/style.ts';

/** Where a command writes, and what it knows of the terminal. */
export interface Io {
  /** Results. A line feed is added. */
  readonly out: (text: string) => void;
  /** Progress, warnings and errors. */
  readonly err: (text: string) => void;
  readonly colours: boolean;
  /** Columns of the terminal; absent when the output is none. */
  readonly columns?: number | undefined;
}

/** Options that every command takes. */
export interface Globals {
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

/** All that commands reach of the outside. */
export interface Cli {
  readonly io: Io;
  readonly scheduler: Scheduler;
  connect(globals: Globals): Promise<Session>;
}

export async function withSession<T>(
  cli: Cli,
  globals: Globals,
  run: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await cli.connect(globals);
  try {
    return await run(session);
  } finally {
    await session.close();
  }
}

export const viewOf = ({ io, scheduler }: Cli): View => ({
  paint: painter(io.colours),
  now: scheduler.now(),
  columns: io.columns,
});
