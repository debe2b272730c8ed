// SPDX-License-Identifier: Apache-2.0
import { Agent, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerParent } from '../support/answer.ts';

export interface Order {
  readonly url: string;
  readonly ca: string;
  readonly body: string;
  readonly count: number;
  readonly connections: number;
  /** Requests per second over all connections; 0: as many as are answered. */
  readonly rate: number;
}

function post({ url, body }: Order, agent: Agent): Promise<number> {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const call = request(url, { method: 'POST', agent, headers }, (response) => {
      response.on('error', reject).on('end', () => {
        resolve(performance.now() - began);
      });
      if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode ?? 0}`));
      response.resume();
    });
    call.on('error', reject);
    call.end(body);
  });
}

const methods = {
  /** Sends them over so many connections that stay open; gives each answer's latency in milliseconds. */
  run: async (order: Order): Promise<number[]> => {
    const { ca, count, connections, rate } = order;
    const agent = new Agent({ keepAlive: true, ca, maxSockets: connections });
    const latencies: number[] = [];
    const began = performance.now();
    let sent = 0;
    const connection = async (): Promise<void> => {
      while (sent < count) {
        sent += 1;
        const dueMs = rate === 0 ? 0 : began + (sent * 1000) / rate - performance.now();
        if (dueMs > 0) await sleep(dueMs);
        latencies.push(await post(order, agent));
      }
    };
    await Promise.all(Array.from({ length: connections }, connection));
    agent.destroy();
    return latencies;
  },
};

export type Loader = typeof methods;
answerParent(methods);
