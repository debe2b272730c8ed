// SPDX-License-Identifier: Apache-2.0
import type { HttpResponse } from './transport.ts';

/** The whole body as text. Chunks are joined as bytes, so a split character survives. */
export async function readText({ body }: HttpResponse): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** Discards an unread body, so that its connection is reused or closed. */
export async function discard({ body }: HttpResponse): Promise<void> {
  await body[Symbol.asyncIterator]().return?.();
}

export const isJsonObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
