// SPDX-License-Identifier: Apache-2.0
import { isJsonObject } from './body.ts';
import { KubeError } from '../errors/errors.ts';
import { failureOfStatus } from '../errors/failure.ts';
import type { KubeObject } from './object.ts';

/** A BOOKMARK's object has only a kind and a resourceVersion. */
export interface WatchEvent<T extends KubeObject = KubeObject> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}

interface Asked {
  readonly method: string;
  readonly path: string;
}

/** Parses the lines of a watch. Throws a `KubeError` for an ERROR event and for a garbage line. */
export async function* readEvents<T extends KubeObject>(
  { method, path }: Asked,
  lines: AsyncIterable<string>,
): AsyncGenerator<WatchEvent<T>, void> {
  const doing = `${method} ${path}`;
  for await (const line of lines) yield parseEvent<T>(doing, line);
}

function parseEvent<T extends KubeObject>(doing: string, line: string): WatchEvent<T> {
  const event = parseLine(doing, line);
  switch (event['type']) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      if (hasMetadata(event['object'])) return event as unknown as WatchEvent<T>;
      throw garbage(doing, line);
    case 'ERROR':
      throw failureOfStatus(doing, event['object']);
    default:
      throw garbage(doing, line);
  }
}

function parseLine(doing: string, line: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(line);
    if (isJsonObject(parsed)) return parsed;
  } catch {
    // Told below, with the line.
  }
  throw garbage(doing, line);
}

const hasMetadata = (object: unknown): boolean =>
  isJsonObject(object) && isJsonObject(object['metadata']);

function garbage(doing: string, line: string): KubeError {
  const message = `the watch sent a line that is not a valid event: ${line.slice(0, 100)}`;
  return new KubeError({ doing, status: 0, server: { message } });
}
