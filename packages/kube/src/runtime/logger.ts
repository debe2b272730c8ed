// SPDX-License-Identifier: Apache-2.0

export type LogFields = Readonly<Record<string, unknown>>;

/** Structured log: a constant message plus fields. An `err` field may carry an `Error`. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  child(fields: LogFields): Logger;
}

/** Drops everything; for tests and tools that have their own output. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};
