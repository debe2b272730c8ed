// SPDX-License-Identifier: Apache-2.0
import { Client, createUndiciTransport, loadConfig, type Scheduler } from '@altershield/kube';
import type { GlobalOptions, Session } from './cli.ts';
import { RELEASE } from './version.ts';

/** The name of this client in `managedFields`. */
const FIELD_MANAGER = 'altershield-cli';

const CALL_TIMEOUT_MS = 30_000;

export interface ConnectOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly scheduler: Scheduler;
}

/** Reads the configuration and opens a connection to the cluster that it names. */
export async function connect(
  { kubeconfig: path, context }: GlobalOptions,
  { env, scheduler }: ConnectOptions,
): Promise<Session> {
  const config = await loadConfig({ path, context, env, scheduler });
  const transport = createUndiciTransport(config);
  const client = new Client({
    transport,
    scheduler,
    fieldManager: FIELD_MANAGER,
    userAgent: `altershield/${RELEASE}`,
    timeoutMs: CALL_TIMEOUT_MS,
  });
  return {
    client,
    namespace: config.namespace ?? 'default',
    server: config.server,
    close: () => transport.close(),
  };
}
