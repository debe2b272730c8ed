// SPDX-License-Identifier: Apache-2.0

import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { loopbackCertificate } from '@altershield/testing/loopback-certificate';
import { answerReview } from '../../contract/answer-review.ts';
import type { ReviewRequest, ReviewResponse } from '../../contract/target.ts';

type Answer = (request: ReviewRequest) => ReviewResponse;

/** Serves the webhooks of a test file on one port, each under a path of its own. */
export class WebhookServer {
  readonly #answers = new Map<string, Answer>();
  #server: Server | undefined;
  #ca = '';

  async start(): Promise<void> {
    const { cert, key, ca } = await loopbackCertificate();
    this.#ca = ca;
    this.#server = createServer({ cert, key }, (request, response) => {
      const answer = this.#answers.get((request.url ?? '').split('?')[0] ?? '');
      void buffer(request).then((review) => {
        response.setHeader('content-type', 'application/json');
        response.statusCode = answer === undefined ? 404 : 200;
        response.end(answer === undefined ? '' : answerReview(review, answer));
      });
    });
    // The API server would write into a connection that is being closed, and deny what it asked about.
    this.#server.keepAliveTimeout = 0;
    await new Promise<void>((resolve) => this.#server?.listen(0, '127.0.0.1', resolve));
  }

  add(answer: Answer): { url: string; caBundle: string } {
    const path = `/review-${this.#answers.size}`;
    this.#answers.set(path, answer);
    const { port } = this.#server?.address() as AddressInfo;
    return {
      url: `https://127.0.0.1:${port}${path}`,
      caBundle: Buffer.from(this.#ca).toString('base64'),
    };
  }

  stop(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }
}
