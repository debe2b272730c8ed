// SPDX-License-Identifier: Apache-2.0
import { type Logger as Pino, pino, stdSerializers, stdTimeFunctions } from 'pino';
import type { LogFields, Logger } from '../runtime/logger.ts';
import { type LogDestination, prettyDestination } from './log-stream.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LoggerOptions {
  /** Default `info`. */
  readonly level?: LogLevel;
  /** Human-readable lines instead of JSON. Default false. */
  readonly pretty?: boolean;
  /** With `pretty`: default false. */
  readonly colors?: boolean;
  /** Default: standard output. */
  readonly destination?: LogDestination;
}

/** Names of fields whose values are never written, at the top and one or two levels down. */
const SECRET_FIELDS = [
  'authorization',
  'Authorization',
  'token',
  'bearerToken',
  'password',
  'clientKey',
  'privateKey',
  'apiKey',
  'clientSecret',
  'cookie',
];
/** A bearer token that got into a text, such as an error's message. */
const BEARER = /\b(Bearer\s+)[A-Za-z0-9._~+/=-]{8,}/g;
const JWT = /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g;

/** Structured logs: one JSON object per line, `err` with its causes, secrets redacted. */
export function createLogger(options: LoggerOptions = {}): Logger {
  const { level = 'info', pretty = false, colors = false } = options;
  const out = options.destination ?? pino.destination({ sync: true });
  const clean = { write: (line: string) => out.write(withoutTokens(line)) };
  const settings = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: {
      err: stdSerializers.errWithCause,
      durationMs: (ms: number) => Math.round(ms * 10) / 10,
    },
    redact: {
      paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
      censor: '[redacted]',
    },
  };
  return adapt(pino(settings, pretty ? prettyDestination(clean, colors) : clean));
}

const withoutTokens = (line: string): string =>
  line.includes('earer') || line.includes('eyJ')
    ? line.replace(BEARER, '$1[redacted]').replace(JWT, '[redacted]')
    : line;

/** Unlike pino, this logger takes the constant message first. */
function adapt(log: Pino): Logger {
  return {
    debug: (message: string, fields?: LogFields) => {
      log.debug(fields ?? {}, message);
    },
    info: (message, fields) => {
      log.info(fields ?? {}, message);
    },
    warn: (message, fields) => {
      log.warn(fields ?? {}, message);
    },
    error: (message, fields) => {
      log.error(fields ?? {}, message);
    },
    child: (fields) => adapt(log.child(fields)),
  };
}
