// SPDX-License-Identifier: Apache-2.0
import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import type { AdmissionAnswer, AdmissionTransport } from '@altershield/sandbox';

/** Calls webhooks over real HTTPS with keep-alive, trusting the authorities of their configuration. */
export function httpsAdmission(): AdmissionTransport {
  const agents = new Map<string, Agent>();
  return (url, review, { caBundle, timeoutMs }) => {
    const agent = agents.get(caBundle) ?? new Agent({ keepAlive: true, ca: caBundle });
    agents.set(caBundle, agent);
    return post(url, review, { agent, timeoutMs });
  };
}

function post(
  url: string,
  review: Uint8Array,
  { agent, timeoutMs }: { readonly agent: Agent; readonly timeoutMs: number },
): Promise<AdmissionAnswer> {
  return new Promise((resolve, reject) => {
    const call = request(
      url,
      {
        method: 'POST',
        agent,
        timeout: timeoutMs,
        headers: { 'content-type': 'application/json', 'content-length': review.byteLength },
      },
      (response) => {
        text(response).then((body) => {
          resolve({ status: response.statusCode ?? 0, body });
        }, reject);
      },
    );
    call.on('timeout', () => call.destroy(new Error(`Post "${url}": context deadline exceeded`)));
    call.on('error', reject);
    call.end(review);
  });
}
