// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { buildOnce, cacheFolder, sourceHash } from '../cluster/build-cache.ts';
import { build } from '../cluster/go-build.ts';

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

const GO_DIR = fileURLToPath(new URL('../prometheus/go', import.meta.url));

/**
 * Prometheus 3, built from its Go module on first use (minutes) and cached as the control plane is.
 * Without its service discovery for clouds, which tests do not need.
 */
export async function buildPrometheus3(log: (line: string) => void): Promise<string> {
  const program = join(cacheFolder('prometheus'), await sourceHash(GO_DIR), 'prometheus');
  await buildOnce(dirname(program), { log }, async (staging) => {
    const pkg = 'github.com/prometheus/prometheus/cmd/prometheus';
    const target = { what: 'Prometheus 3', dir: GO_DIR, pkg, tags: 'remove_all_sd' };
    await build({ ...target, out: join(staging, 'prometheus') }, { log });
  });
  return program;
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

const SCRAPE_INTERVAL = '500ms';

/** A real Prometheus that scrapes one target, with its data in a folder of its own. */
export class Prometheus {
  readonly #folder: string;
  readonly #program: string;
  readonly #port: number;
  #child: ChildProcess;

  private constructor(
    { program, folder, port }: { program: string; folder: string; port: number },
    child: ChildProcess,
  ) {
    this.#program = program;
    this.#folder = folder;
    this.#port = port;
    this.#child = child;
  }

  /** @param target `host:port` */
  static async start(target: string, program = 'prometheus'): Promise<Prometheus> {
    const folder = await mkdtemp(join(tmpdir(), 'prometheus-'));
    await writeFile(join(folder, 'prometheus.yaml'), JSON.stringify(scrape(target)));
    const place = { program, folder, port: await freePort() };
    return new Prometheus(place, await launch(place));
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Ends the process as a crash does. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await once(this.#child, 'close');
  }

  /** Starts it again after `kill`, with the data that it had. */
  async restart(): Promise<void> {
    const { program, folder, port } = {
      program: this.#program,
      folder: this.#folder,
      port: this.#port,
    };
    this.#child = await launch({ program, folder, port });
  }

  /** What an instant query finds. Throws when Prometheus does not understand it. */
  async query(expr: string): Promise<Series[]> {
    const query = new URLSearchParams({ query: expr });
    const response = await fetch(`${this.url}/api/v1/query?${query.toString()}`);
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
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGTERM');
      await once(this.#child, 'close');
    }
    await rm(this.#folder, { recursive: true });
  }
}

async function launch({
  program,
  folder,
  port,
}: {
  readonly program: string;
  readonly folder: string;
  readonly port: number;
}): Promise<ChildProcess> {
  const child = spawn(
    program,
    [
      `--config.file=${join(folder, 'prometheus.yaml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  await once(child, 'spawn');
  return child;
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
