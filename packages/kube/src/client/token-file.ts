// SPDX-License-Identifier: Apache-2.0
import { readFile, stat } from 'node:fs/promises';
import type { Scheduler } from '../runtime/scheduler.ts';
import { ConfigError, type CredentialSource, type Credentials } from './connection.ts';

/** How long a token is used before the file's time of change is looked at again. */
const CHECK_EVERY_MS = 5_000;

/** A token file that another process, for example the kubelet, renews in place. */
export class TokenFile implements CredentialSource {
  readonly #path: string;
  readonly #rest: Credentials;
  readonly #scheduler: Scheduler;
  #token = '';
  #changedAt = -1;
  #checkedAt = -Infinity;

  constructor(path: string, rest: Credentials, scheduler: Scheduler) {
    this.#path = path;
    this.#rest = rest;
    this.#scheduler = scheduler;
  }

  async current(): Promise<Credentials> {
    const now = this.#scheduler.elapsed();
    if (now - this.#checkedAt >= CHECK_EVERY_MS) {
      await this.#read();
      this.#checkedAt = now;
    }
    return { ...this.#rest, token: this.#token };
  }

  refused(): boolean {
    this.#changedAt = -1;
    this.#checkedAt = -Infinity;
    return true;
  }

  async #read(): Promise<void> {
    try {
      const { mtimeMs } = await stat(this.#path);
      if (mtimeMs === this.#changedAt) return;
      this.#token = (await readFile(this.#path, 'utf8')).trim();
      this.#changedAt = mtimeMs;
    } catch (cause) {
      // The file may be missing for the moment of its replacement: the old token often still works.
      if (this.#token !== '') return;
      throw new ConfigError(`read the token file "${this.#path}": it is missing or not readable`, {
        cause,
      });
    }
    if (this.#token === '') throw new ConfigError(`the token file "${this.#path}" is empty`);
  }
}
