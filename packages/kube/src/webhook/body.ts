// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';

/** The reason why a body was rejected; `status` is the HTTP status of the response. */
export class RequestRejected extends Error {
  override readonly name = 'RequestRejected';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Limits the total size of bodies in transfer, so that many clients cannot exhaust the memory. */
export class BodyBudget {
  readonly #bytes: number;
  #used = 0;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** False when the budget is exhausted. */
  take(bytes: number): boolean {
    if (this.#used + bytes > this.#bytes) return false;
    this.#used += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#used -= bytes;
  }
}

export interface BodyLimits {
  /** Of one body, bytes. */
  readonly each: number;
  readonly all: BodyBudget;
}

/** Reads a JSON body. Rejects with `RequestRejected`, or when the client disconnects. */
export async function readBody(request: IncomingMessage, limits: BodyLimits): Promise<Uint8Array> {
  refuseByHead(request, limits.each);
  const body = new Body(limits);
  try {
    return await collect(request, body);
  } finally {
    body.dispose();
  }
}

function refuseByHead({ headers }: IncomingMessage, limit: number): void {
  const type = headers['content-type'] ?? '';
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new RequestRejected(400, `content type is "${type}", expected application/json`);
  }
  if (Number(headers['content-length'] ?? 0) > limit) throw tooLarge(limit);
}

const tooLarge = (limit: number): RequestRejected =>
  new RequestRejected(413, `body is larger than ${limit} bytes`);

/** The received part of one body. Only received bytes count, not announced ones. */
class Body {
  readonly #limits: BodyLimits;
  #chunks: Buffer[] = [];
  #size = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  /** Why the chunk was not taken. */
  take(chunk: Buffer): RequestRejected | undefined {
    const { each, all } = this.#limits;
    if (this.#size + chunk.byteLength > each) return tooLarge(each);
    if (!all.take(chunk.byteLength)) {
      return new RequestRejected(503, 'too many requests are being read; try again in a second');
    }
    this.#size += chunk.byteLength;
    this.#chunks.push(chunk);
    return undefined;
  }

  whole(): Uint8Array {
    const [first, ...rest] = this.#chunks;
    return first !== undefined && rest.length === 0 ? first : Buffer.concat(this.#chunks);
  }

  dispose(): void {
    this.#limits.all.release(this.#size);
    this.#chunks = [];
  }
}

function collect(request: IncomingMessage, body: Body): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const take = (chunk: Buffer): void => {
      const refused = body.take(chunk);
      if (refused === undefined) return;
      request.off('data', take);
      reject(refused);
    };
    request.on('data', take);
    request.on('end', () => {
      resolve(body.whole());
    });
    request.on('error', reject);
    request.on('close', () => {
      if (!request.complete) reject(new Error(`client left after ${body.size} bytes of its body`));
    });
  });
}
