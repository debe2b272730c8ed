// SPDX-License-Identifier: Apache-2.0

/** The part of `process` that delivers signals. */
export interface SignalSource {
  on(event: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
}

/** Aborts at the first SIGTERM or SIGINT; calls `again` at the second, to exit at once. */
export function stopSignal(source: SignalSource, again: () => void): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) again();
    else controller.abort(new Error('received a termination signal'));
  };
  source.on('SIGTERM', stop);
  source.on('SIGINT', stop);
  return controller.signal;
}
