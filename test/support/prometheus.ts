// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Whether a program of Prometheus is on the PATH. */
const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0;

/**
 * Why tests with Prometheus are skipped here; `false`: they run. CI must not skip them, so there they
 * fail without it.
 */
export function skipReason(): string | false {
  if (process.env['CI'] !== undefined || (has('prometheus') && has('promtool'))) return false;
  return 'needs prometheus and promtool on the PATH (Debian: apt-get install prometheus)';
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

const SCRAPE_INTERVAL = '500ms';

/** A real Prometheus that scrapes one target, with its data in a folder of its own. */
export class Prometheus {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #url: string;

  private constructor(child: ChildProcess, folder: string, port: number) {
    this.#child = child;
    this.#folder = folder;
    this.#url = `http://127.0.0.1:${port}`;
  }

  /** @param target `host:port` */
  static async start(target: string): Promise<Prometheus> {
    const folder = await mkdtemp(join(tmpdir(), 'prometheus-'));
    const config = join(folder, 'prometheus.yaml');
    await writeFile(config, JSON.stringify(scrape(target)));
    const port = await freePort();
    const child = spawn(
      'prometheus',
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=error',
      ],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    );
    await once(child, 'spawn');
    return new Prometheus(child, folder, port);
  }

  /** What an instant query finds. Throws when Prometheus does not understand it. */
  async query(expr: string): Promise<Series[]> {
    const query = new URLSearchParams({ query: expr });
    const response = await fetch(`${this.#url}/api/v1/query?${query.toString()}`);
    const { status, error, data } = (await response.json()) as {
      readonly status: string;
      readonly error?: string;
      readonly data?: { readonly result: Series[] };
    };
    if (status !== 'success') throw new Error(`query ${expr}: ${error ?? status}`);
    return data?.result ?? [];
  }

  /** Resolves when the query finds something; after a minute it throws. */
  async until(expr: string): Promise<void> {
    for (let attempt = 0; attempt < 600; attempt += 1) {
      const found = await this.query(expr).catch(() => []);
      if (found.length > 0) return;
      if (this.#child.exitCode !== null) break;
      await sleep(100);
    }
    throw new Error(`wait until Prometheus finds ${expr}: it did not`);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGTERM');
      await once(this.#child, 'close');
    }
    await rm(this.#folder, { recursive: true });
  }
}

const scrape = (target: string): object => ({
  global: { scrape_interval: SCRAPE_INTERVAL, scrape_timeout: SCRAPE_INTERVAL },
  scrape_configs: [{ job_name: 'altershield', static_configs: [{ targets: [target] }] }],
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
