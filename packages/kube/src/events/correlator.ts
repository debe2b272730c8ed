// SPDX-License-Identifier: Apache-2.0
import {
  type EventDetails,
  type EventSubject,
  boundedDetails,
  identityOf,
  subjectKey,
} from './event.ts';
import { LruMap } from './lru-map.ts';

export interface CorrelatorLimits {
  /** Events that one subject may have at once. Default 25. */
  readonly burst: number;
  /** One more after each such time. Default 5 minutes. */
  readonly refillMs: number;
  /** Different messages of one subject and reason before they are combined. Default 10. */
  readonly maxSimilar: number;
  /** How long similar events count together. Default 10 minutes. */
  readonly similarMs: number;
  /** Subjects and reasons remembered. Default 4096 each. */
  readonly memory: number;
}

export const DEFAULT_LIMITS: CorrelatorLimits = {
  burst: 25,
  refillMs: 5 * 60_000,
  maxSimilar: 10,
  similarMs: 10 * 60_000,
  memory: 4096,
};

export interface Correlated {
  /** Occurrences with the same key are one Event with a count. */
  readonly key: string;
  readonly details: EventDetails;
}

interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

interface Similar {
  readonly messages: Set<string>;
  readonly since: number;
}

/** Decides under which Event an occurrence is counted, and whether it may be written at all. */
export class Correlator {
  readonly #limits: CorrelatorLimits;
  readonly #buckets: LruMap<Bucket>;
  readonly #similar: LruMap<Similar>;

  constructor(limits: CorrelatorLimits) {
    this.#limits = limits;
    this.#buckets = new LruMap(limits.memory);
    this.#similar = new LruMap(limits.memory);
  }

  /** `undefined` when the subject has had too many events lately. */
  admit(subject: EventSubject, given: EventDetails, now: number): Correlated | undefined {
    const details = boundedDetails(given);
    const correlated = this.#combine(subject, details, now);
    return this.#takeToken(subjectKey(subject), now) ? correlated : undefined;
  }

  #combine(subject: EventSubject, details: EventDetails, now: number): Correlated {
    const key = identityOf(subject, { ...details, message: '' });
    const { similarMs, maxSimilar } = this.#limits;
    const known = this.#similar.get(key);
    const fresh = known !== undefined && now - known.since < similarMs;
    const similar = fresh ? known : { messages: new Set<string>(), since: now };
    this.#similar.set(key, similar);
    if (similar.messages.has(details.message))
      return { key: identityOf(subject, details), details };
    if (similar.messages.size >= maxSimilar) {
      const message = `(combined from similar events): ${details.message}`;
      return { key, details: boundedDetails({ ...details, message }) };
    }
    similar.messages.add(details.message);
    return { key: identityOf(subject, details), details };
  }

  #takeToken(key: string, now: number): boolean {
    const { burst, refillMs } = this.#limits;
    const { tokens, at } = this.#buckets.get(key) ?? { tokens: burst, at: now };
    const available = Math.min(burst, tokens + Math.max(0, now - at) / refillMs);
    const allowed = available >= 1;
    this.#buckets.set(key, { tokens: allowed ? available - 1 : available, at: now });
    return allowed;
  }
}
