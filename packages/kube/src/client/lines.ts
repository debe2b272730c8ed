// SPDX-License-Identifier: Apache-2.0

const NEWLINE = 10;

/** etcd limits objects to about 2 MiB, so a longer line is not an object. */
export const MAX_LINE_BYTES = 32 * 1024 * 1024;

/**
 * Splits a byte stream into lines without building strings of partial data. Bytes after the last
 * newline stay until the next chunk; what a cut connection leaves there is not a line.
 */
export class LineSplitter {
  #rest: Uint8Array[] = [];
  #restBytes = 0;

  /** Yields each complete, non-empty line. Throws when a line outgrows `MAX_LINE_BYTES`. */
  *push(chunk: Uint8Array): Generator<string> {
    let from = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, from);
      if (end < 0) break;
      const line = this.#take(chunk.subarray(from, end));
      from = end + 1;
      if (line !== '') yield line;
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
  }

  #take(end: Uint8Array): string {
    if (this.#rest.length === 0) return textOf(end);
    const whole = Buffer.concat([...this.#rest, end]);
    this.#rest = [];
    this.#restBytes = 0;
    return textOf(whole);
  }

  #keep(rest: Uint8Array): void {
    this.#rest.push(rest);
    this.#restBytes += rest.length;
    if (this.#restBytes > MAX_LINE_BYTES) {
      throw new Error(`a line of the stream is longer than ${MAX_LINE_BYTES} bytes`);
    }
  }
}

const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8').trim();
