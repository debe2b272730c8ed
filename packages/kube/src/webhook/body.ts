// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';

/** Why a body was not taken; `status` is the HTTP status to answer with. */
export class BodyRefused extends Error {
  override readonly name = 'BodyRefused';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Reads a JSON body of at most `limit` bytes. Rejects with `BodyRefused`, or when the client goes. */
export function readBody(request: IncomingMessage, limit: number): Promise<Uint8Array> {
  const refused = refusalOf(request, limit);
  return refused === undefined ? collect(request, limit) : Promise.reject(refused);
}

function refusalOf({ headers }: IncomingMessage, limit: number): BodyRefused | undefined {
  const type = headers['content-type'] ?? '';
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    return new BodyRefused(400, `content type is "${type}", expected application/json`);
  }
  if (Number(headers['content-length'] ?? 0) > limit) return tooLarge(limit);
  return undefined;
}

const tooLarge = (limit: number): BodyRefused =>
  new BodyRefused(413, `body is larger than ${limit} bytes`);

function collect(request: IncomingMessage, limit: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const take = (chunk: Buffer): void => {
      size += chunk.byteLength;
      if (size <= limit) {
        chunks.push(chunk);
        return;
      }
      request.off('data', take);
      reject(tooLarge(limit));
    };
    request.on('data', take);
    request.on('end', () => {
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
    });
    request.on('error', reject);
    request.on('close', () => {
      if (!request.complete) reject(new Error(`client left after ${size} bytes of its body`));
    });
  });
}
