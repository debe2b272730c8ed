// SPDX-License-Identifier: Apache-2.0

/** One call through a transport. */
export interface CallInfo {
  /** Counts the calls of this transport from 1, watches included. */
  readonly number: number;
  /** Counts the writes of this transport from 1; 0 when the call is not a write. */
  readonly write: number;
  readonly method: string;
  readonly path: string;
  readonly body: string | undefined;
  readonly isWatch: boolean;
  readonly user: string;
}

/** A fault of a call. `answer` replaces the server's answer. */
export type CallFault =
  | {
      readonly kind: 'answer';
      readonly status: 409 | 410 | 429 | 500 | 503 | 504;
      readonly retryAfterSeconds?: number;
    }
  /** The connection breaks. */
  | { readonly kind: 'reset' }
  /** Nothing is ever heard again. */
  | { readonly kind: 'silence' }
  | { readonly kind: 'delay'; readonly ms: number };

/** A fault of one line of a watch. */
export type WatchFault =
  | { readonly kind: 'drop' }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'duplicate' }
  /** The connection breaks before this line. */
  | { readonly kind: 'cut' }
  /** The connection stays open, and nothing more comes. */
  | { readonly kind: 'stall' }
  /** The server says 410 in place of this line. */
  | { readonly kind: 'gone' };

export interface WatchLineInfo {
  readonly path: string;
  readonly type: string;
  /** Counts the lines of this transport from 1. */
  readonly number: number;
}

/** Chooses faults between a client and the server; undefined: no fault. */
export interface FaultPlan {
  /** Before the server sees the call: after a fault here the write does not happen. */
  readonly beforeCall?: (call: CallInfo) => CallFault | undefined;
  /** After the server has carried it out: a fault here loses the answer of a write that happened. */
  readonly afterCall?: (call: CallInfo, status: number) => CallFault | undefined;
  readonly onWatchLine?: (line: WatchLineInfo) => WatchFault | undefined;
}
