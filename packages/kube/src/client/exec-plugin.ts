// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import type { Scheduler } from '../runtime/scheduler.ts';
import { isJsonObject } from './body.ts';
import { ConfigError, type CredentialSource, type Credentials } from './connection.ts';

/** The `exec` part of a kubeconfig user. */
export interface ExecPlugin {
  readonly apiVersion: string;
  /** Absolute, or found on the PATH. */
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly installHint?: string;
  /** `spec.cluster` of the plug-in's input, when the plug-in requests it. */
  readonly cluster?: Readonly<Record<string, unknown>>;
}

const RUN_BOUND_MS = 60_000;
const MAX_OUTPUT_BYTES = 1024 * 1024;
/** Renewed this long before the plug-in's own expiry. */
const RENEW_BEFORE_MS = 30_000;

interface Held {
  readonly credentials: Credentials;
  /** Milliseconds since the epoch; `Infinity` when the plug-in returns no expiry. */
  readonly expiresAt: number;
}

/** Credentials from a command, cached until they expire or the server rejects them. */
export class ExecCredentials implements CredentialSource {
  readonly #plugin: ExecPlugin;
  readonly #scheduler: Scheduler;
  #held: Held | undefined;
  #running: Promise<Held> | undefined;

  constructor(plugin: ExecPlugin, scheduler: Scheduler) {
    this.#plugin = plugin;
    this.#scheduler = scheduler;
  }

  async current(): Promise<Credentials> {
    if (this.#held !== undefined && this.#isFresh(this.#held)) return this.#held.credentials;
    this.#running ??= this.#renew();
    return (await this.#running).credentials;
  }

  /** Many calls may learn late that one token is stale: its successor must outlive them. */
  refused(credentials: Credentials): boolean {
    if (this.#held?.credentials === credentials) this.#held = undefined;
    return true;
  }

  #isFresh({ expiresAt }: Held): boolean {
    return this.#scheduler.now() < expiresAt - RENEW_BEFORE_MS;
  }

  async #renew(): Promise<Held> {
    try {
      this.#held = parse(this.#plugin, await run(this.#plugin));
      return this.#held;
    } finally {
      this.#running = undefined;
    }
  }
}

function run(plugin: ExecPlugin): Promise<string> {
  const { command, args, env, apiVersion, cluster } = plugin;
  const spec = { interactive: false, ...(cluster && { cluster }) };
  const info = JSON.stringify({ apiVersion, kind: 'ExecCredential', spec });
  const options = {
    env: { ...process.env, ...env, KUBERNETES_EXEC_INFO: info },
    timeout: RUN_BOUND_MS,
    maxBuffer: MAX_OUTPUT_BYTES,
  };
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(failed(plugin, error, stderr));
    });
    // A plug-in that prompts fails at once instead of waiting for input.
    child.stdin?.on('error', () => undefined).end();
  });
}

function failed(
  plugin: ExecPlugin,
  error: Error & { code?: unknown },
  stderr: string,
): ConfigError {
  const { command, installHint = 'install it, or correct "users[].user.exec.command"' } = plugin;
  const doing = `get credentials from the exec plug-in "${command}"`;
  if (error.code === 'ENOENT') {
    return new ConfigError(`${doing}: the command was not found; ${installHint}`, { cause: error });
  }
  const said = stderr.trim().slice(0, 500);
  return new ConfigError(`${doing}: ${said === '' ? error.message : said}`, { cause: error });
}

function parse(plugin: ExecPlugin, output: string): Held {
  const bad = (what: string, cause?: unknown): ConfigError =>
    new ConfigError(`read the answer of the exec plug-in "${plugin.command}": ${what}`, { cause });
  let answer: unknown;
  try {
    answer = JSON.parse(output);
  } catch (cause) {
    throw bad('it is not JSON', cause);
  }
  if (!isJsonObject(answer) || answer['kind'] !== 'ExecCredential')
    throw bad('it is not an ExecCredential');
  if (answer['apiVersion'] !== plugin.apiVersion) {
    throw bad(`its apiVersion is not the "${plugin.apiVersion}" that the kubeconfig asks for`);
  }
  if (!isJsonObject(answer['status'])) throw bad('it has no status');
  const credentials = credentialsOf(answer['status']);
  if (Object.keys(credentials).length === 0)
    throw bad('its status has no token and no certificate');
  return { credentials, expiresAt: expiryOf(answer['status']['expirationTimestamp']) };
}

function credentialsOf(status: Readonly<Record<string, unknown>>): Credentials {
  const { token, clientCertificateData: certificate, clientKeyData: key } = status;
  return {
    ...(typeof token === 'string' && token !== '' && { token }),
    ...(typeof certificate === 'string' &&
      typeof key === 'string' && { clientCertificate: { certificate, key } }),
  };
}

function expiryOf(timestamp: unknown): number {
  const at = typeof timestamp === 'string' ? Date.parse(timestamp) : Number.NaN;
  return Number.isNaN(at) ? Infinity : at;
}
