// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HoloInsightOptions {
  /** The URL of the Prometheus that answers PQL. */
  readonly prometheus: string;
  readonly accessKey: string;
}

interface PqlRequest {
  readonly query: string;
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

interface Matrix {
  readonly data?: {
    readonly result?: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly values: readonly (readonly [number, string])[];
    }[];
  };
}

/**
 * A double of a HoloInsight server with a remote Prometheus, written from its source: what it answers
 * comes from a real Prometheus, and an error of that is an empty list with the status 200.
 */
export class HoloInsight {
  readonly #server: Server;
  readonly #options: HoloInsightOptions;

  private constructor(options: HoloInsightOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      void this.#answer(request).then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(body));
      });
    });
  }

  static async start(options: HoloInsightOptions): Promise<HoloInsight> {
    const double = new HoloInsight(options);
    double.#server.listen(0, '127.0.0.1');
    await once(double.#server, 'listening');
    return double;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; body: object }> {
    if (request.headers['accesskey'] !== this.#options.accessKey) {
      return { status: 401, body: { success: false, resultCode: 'API_ACCESS_INVALID' } };
    }
    if (request.method !== 'POST' || request.url !== '/webapi/v1/query/pql/range') {
      return { status: 404, body: { success: false, resultCode: 'NOT_FOUND' } };
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const query = JSON.parse(Buffer.concat(chunks).toString()) as PqlRequest;
    return { status: 200, body: { success: true, data: await this.#pql(query) } };
  }

  async #pql({ query, start, end, step }: PqlRequest): Promise<object[]> {
    const seconds = (ms: number): string => String(Math.floor(ms / 1000));
    const parameters = new URLSearchParams({
      ...{ query, start: seconds(start), end: seconds(end), step: seconds(step) },
    });
    const url = `${this.#options.prometheus}/api/v1/query_range?${parameters.toString()}`;
    const answer = (await (await fetch(url)).json()) as Matrix;
    return (answer.data?.result ?? []).map(({ metric, values }) => ({
      ...{ metric: metric['__name__'], tags: metric },
      values: values.map(([time, value]) => [Math.round(time) * 1000, value]),
    }));
  }
}
