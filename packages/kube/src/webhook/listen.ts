// SPDX-License-Identifier: Apache-2.0
import type { Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import { ConfigError } from '../client/connection.ts';
import type { Scheduler } from '../runtime/scheduler.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface ListenOn {
  readonly host: string | undefined;
  readonly port: number;
}

/** Resolves with the address in use. Rejects with an error and a hint when it cannot listen. */
export function listen(
  server: Server | TlsServer,
  name: string,
  { host, port }: ListenOn,
): Promise<Address> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const where = `${host ?? '*'}:${port}`;
      const message = `${name} cannot listen on ${where}: ${cause.message}; ${hintFor(cause)}`;
      reject(new ConfigError(message, { cause }));
    });
    server.listen({ port, ...(host !== undefined && { host }) }, () => {
      const address = server.address();
      if (address === null || typeof address === 'string') {
        reject(new Error(`${name} listens on no port`));
        return;
      }
      resolve({ host: address.address, port: address.port });
    });
  });
}

const hintFor = (error: Error): string =>
  'code' in error && error.code === 'EADDRINUSE'
    ? 'stop the process that listens there, or choose another port'
    : 'choose another address or port';

/** Accepts no more connections, waits up to `graceMs` for running requests, then closes all. */
export async function closeServer(
  server: Server | TlsServer,
  scheduler: Scheduler,
  graceMs: number,
): Promise<void> {
  if (!server.listening) return;
  await new Promise<void>((resolve) => {
    const cut = scheduler.after(graceMs, () => {
      server.closeAllConnections();
    });
    server.close(() => {
      cut.cancel();
      resolve();
    });
    server.closeIdleConnections();
  });
}
