// SPDX-License-Identifier: Apache-2.0
import { whenAborted } from './when-aborted.ts';

/** A part of the process with a life of its own. */
export interface Runnable {
  readonly name: string;
  /**
   * Runs until `signal` aborts, then ends in order and resolves. Resolving earlier means that there
   * is no more to do. A rejection stops the whole process.
   */
  start(signal: AbortSignal): Promise<void>;
  /** Resolves when others may rely on it. Default: at once. */
  whenReady?(signal: AbortSignal): Promise<unknown>;
}

/** A part that others start after. Members start together and stop together. */
export interface RunnableGroup {
  readonly name: string;
  readonly runnables: readonly Runnable[];
}

/** Runs a server: it listens at the start and closes when `signal` aborts. */
export function serverRunnable(
  name: string,
  server: { listen(): Promise<unknown>; close(): Promise<void> },
): Runnable {
  let markReady: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => {
    markReady = resolve;
  });
  return {
    name,
    whenReady: () => ready,
    start: async (signal) => {
      await server.listen();
      markReady();
      await whenAborted(signal);
      await server.close();
    },
  };
}
