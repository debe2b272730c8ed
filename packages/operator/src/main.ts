#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import { isatty } from 'node:tty';
import { ConfigError, KubeError, createLogger, realScheduler, stopSignal } from '@altershield/kube';
import { readConfig } from './start/config.ts';
import { PreflightError } from './start/preflight.ts';
import { serve } from './start/serve.ts';

const canMend = (error: unknown): boolean =>
  error instanceof ConfigError || error instanceof PreflightError || error instanceof KubeError;

const config = readConfig(process.argv.slice(2), process.env);
const isText = config.logFormat === 'text';
const log = createLogger({
  level: config.logLevel,
  pretty: isText,
  colors: isText && isatty(1) && process.env['NO_COLOR'] === undefined,
});
const signal = stopSignal(process, () => process.exit(130));

try {
  await serve(config, realScheduler, log, signal);
} catch (err) {
  // A message is enough for errors that a user can fix; internal errors need a stack trace.
  const isTheirs = err instanceof Error && (canMend(err) || canMend(err.cause));
  log.error(isTheirs ? `cannot run: ${err.message}` : 'cannot run', isTheirs ? {} : { err });
  process.exitCode = 1;
}
