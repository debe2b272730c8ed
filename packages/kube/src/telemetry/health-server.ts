// SPDX-License-Identifier: Apache-2.0
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { Logger } from '../runtime/logger.ts';
import type { Scheduler } from '../runtime/scheduler.ts';
import { type Address, closeServer, listen } from '../webhook/listen.ts';

/** Returns why not, in a sentence without secrets, or `undefined` when all is well. */
export type HealthCheck = () => string | undefined;

export type HealthChecks = Readonly<Record<string, HealthCheck>>;

export interface HealthServerOptions {
  readonly scheduler: Scheduler;
  readonly log: Logger;
  /** Default: all addresses. */
  readonly host?: string | undefined;
  /** Default 8081; 0 takes a free port. */
  readonly port?: number;
  /** A failing check makes the kubelet restart the pod. Default: no checks. */
  readonly live?: HealthChecks;
  /** Failing: no traffic comes. */
  readonly ready?: HealthChecks;
  /** Served at `/metrics`. */
  readonly metrics?: { render(): Promise<{ readonly contentType: string; readonly text: string }> };
}

interface Answer {
  readonly status: number;
  readonly contentType?: string;
  readonly text: string;
}

/**
 * Plain HTTP for the kubelet and Prometheus: `/healthz`, `/readyz` (each check also by name below
 * it; all are listed with `?verbose` and whenever one fails) and `/metrics`.
 */
export class HealthServer {
  readonly #options: HealthServerOptions;
  readonly #server: Server;

  constructor(options: HealthServerOptions) {
    this.#options = options;
    this.#server = createServer({ requestTimeout: 5000 }, (request, response) => {
      void this.#serve(request, response);
    });
  }

  /** Rejects when the address is in use or not allowed. */
  async listen(): Promise<Address> {
    const { host, port = 8081, log } = this.#options;
    const address = await listen(this.#server, 'health server', { host, port });
    log.info('health server is listening', { ...address });
    return address;
  }

  /** Lets running requests end for `graceMs` (default 1 s). */
  async close(graceMs = 1000): Promise<void> {
    await closeServer(this.#server, this.#options.scheduler, graceMs);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const reading = request.method === 'GET' || request.method === 'HEAD';
    const answer = reading ? await this.#answer(request) : { status: 405, text: 'use GET\n' };
    const { status, contentType = 'text/plain; charset=utf-8', text }: Answer = answer;
    response.writeHead(status, { 'content-type': contentType });
    response.end(request.method === 'HEAD' ? '' : text);
  }

  async #answer({ url = '/' }: IncomingMessage): Promise<Answer> {
    const [path = '/', query = ''] = url.split('?');
    const [, root, name] = path.split('/');
    const verbose = new URLSearchParams(query).has('verbose');
    const { live = {}, ready = {} } = this.#options;
    if (root === 'healthz') return answerChecks('healthz', live, { name, verbose });
    if (root === 'readyz') return answerChecks('readyz', ready, { name, verbose });
    if (path === '/metrics') return this.#metrics();
    return { status: 404, text: 'try /healthz, /readyz or /metrics\n' };
  }

  async #metrics(): Promise<Answer> {
    const { metrics, log } = this.#options;
    if (metrics === undefined) return { status: 404, text: 'no metrics are collected\n' };
    try {
      return { status: 200, ...(await metrics.render()) };
    } catch (err) {
      log.error('failed to render metrics', { err });
      return { status: 500, text: 'rendering metrics failed, see the log\n' };
    }
  }
}

function answerChecks(
  root: string,
  checks: HealthChecks,
  { name, verbose }: { readonly name: string | undefined; readonly verbose: boolean },
): Answer {
  const chosen = Object.entries(checks).filter(([key]) => name === undefined || key === name);
  if (name !== undefined && chosen.length === 0) {
    return {
      status: 404,
      text: `no check "${name}"; known checks: ${Object.keys(checks).join(', ')}\n`,
    };
  }
  const results = chosen.map(([key, check]) => ({ key, failure: run(check) }));
  const failed = results.some(({ failure }) => failure !== undefined);
  if (!failed && !verbose) return { status: 200, text: 'ok\n' };
  const lines = results.map(({ key, failure }) =>
    failure === undefined ? `[+]${key} ok` : `[-]${key} failed: ${failure}`,
  );
  const summary = `${root} check ${failed ? 'failed' : 'passed'}`;
  return { status: failed ? 500 : 200, text: [...lines, summary, ''].join('\n') };
}

function run(check: HealthCheck): string | undefined {
  try {
    return check();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
