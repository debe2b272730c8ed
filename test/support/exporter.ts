// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A pod that serves requests, as its metrics have it. */
export interface Served {
  readonly namespace: string;
  readonly pod: string;
  /** The share of its requests that fail. */
  readonly errorRatio: number;
}

const REQUESTS_PER_SECOND = 100;

/** Serves the counters of pods that serve requests, as an exporter of theirs would. */
export class Exporter {
  readonly #server: Server;
  readonly #served: () => readonly Served[];
  readonly #counters = new Map<string, { failed: number; ok: number }>();
  #countedAt = performance.now();

  private constructor(served: () => readonly Served[]) {
    this.#served = served;
    this.#server = createServer((_, response) => {
      response.setHeader('content-type', 'text/plain; version=0.0.4');
      response.end(this.#page());
    });
  }

  /** @param served the pods of the moment */
  static async start(served: () => readonly Served[]): Promise<Exporter> {
    const exporter = new Exporter(served);
    exporter.#server.listen(0, '127.0.0.1');
    await once(exporter.#server, 'listening');
    return exporter;
  }

  /** `host:port` */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** Counts the requests since the last scrape; a pod that is gone is served no more. */
  #page(): string {
    const now = performance.now();
    const requests = ((now - this.#countedAt) / 1000) * REQUESTS_PER_SECOND;
    this.#countedAt = now;
    const lines = this.#served().flatMap(({ namespace, pod, errorRatio }) => {
      const counter = this.#counters.get(`${namespace}/${pod}`) ?? { failed: 0, ok: 0 };
      counter.failed += requests * errorRatio;
      counter.ok += requests * (1 - errorRatio);
      this.#counters.set(`${namespace}/${pod}`, counter);
      const series = (code: number, value: number): string =>
        `http_requests_total{namespace="${namespace}",pod="${pod}",code="${code}"} ${value}`;
      return [series(500, counter.failed), series(200, counter.ok)];
    });
    return ['# TYPE http_requests_total counter', ...lines, ''].join('\n');
  }
}
