// SPDX-License-Identifier: Apache-2.0
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { text as readText } from 'node:stream/consumers';
import { stringify } from 'yaml';
import type { ApiResponse, ApiServer } from '@altershield/sandbox';
import { loopbackCertificate } from '@altershield/testing/loopback-certificate';

type Watch = Exclude<ApiResponse['body'], string>;

/** A simulated API server that real clients can reach over the loopback interface. */
interface HttpsFront {
  readonly url: string;
  /** PEM; clients are to trust this authority. */
  readonly ca: string;
  /** The text of a kubeconfig for the user with this bearer token. */
  kubeconfig(token: string): string;
  /** Ends all connections, watches included. */
  close(): Promise<void>;
}

/** Serves a simulated API server on 127.0.0.1 over TLS, with a certificate made for the occasion. */
export async function serveHttps(server: ApiServer): Promise<HttpsFront> {
  const { cert, key, ca } = await loopbackCertificate();
  const sockets = new Set<Duplex>();
  const https = createServer({ cert, key }, (request, response) => {
    answer(server, request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
  https.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await listen(https);
  const url = `https://127.0.0.1:${(https.address() as AddressInfo).port}`;
  return {
    url,
    ca,
    kubeconfig: (token) => kubeconfig(url, ca, token),
    close: () =>
      new Promise((resolve) => {
        https.close(() => {
          resolve();
        });
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function listen(https: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    https.once('error', reject);
    https.listen(0, '127.0.0.1', resolve);
  });
}

async function answer(
  server: ApiServer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readText(request);
  if (!server.isUp) {
    request.socket.destroy();
    return;
  }
  const answered = await server.handle({
    method: request.method ?? 'GET',
    path: request.url ?? '/',
    headers: singleValues(request),
    body,
  });
  send(answered, response);
}

const singleValues = ({ headers }: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );

function send({ status, headers, body }: ApiResponse, response: ServerResponse): void {
  response.writeHead(status, headers);
  if (typeof body === 'string') response.end(body);
  else stream(body, response);
}

function stream(watch: Watch, response: ServerResponse): void {
  response.flushHeaders();
  response.once('close', () => {
    watch.close();
  });
  watch.open({
    line: ({ text }) => {
      response.write(text);
    },
    end: () => {
      response.end();
    },
    fail: () => {
      response.destroy();
    },
  });
}

function kubeconfig(server: string, ca: string, token: string): string {
  const name = 'sandbox';
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name,
        cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') },
      },
    ],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  });
}
