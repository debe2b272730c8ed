// SPDX-License-Identifier: Apache-2.0
import { test } from 'node:test';
import type { CallFault, CallInfo, FaultPlan } from '@altershield/sandbox';
import { pairs } from '../support/pairs.ts';
import { assertWell, runScenario } from '../support/scenario.ts';
import { isTried, seeds } from '../support/seeds.ts';

/** The call was never carried out. */
const REFUSED: readonly CallFault[] = [
  { kind: 'answer', status: 409 },
  { kind: 'answer', status: 410 },
  { kind: 'answer', status: 429, retryAfterSeconds: 1 },
  { kind: 'answer', status: 500 },
  { kind: 'silence' },
  { kind: 'reset' },
  { kind: 'delay', ms: 2500 },
];
/** It was, and we do not learn of it, or late. */
const UNANSWERED: readonly CallFault[] = [
  { kind: 'answer', status: 500 },
  { kind: 'silence' },
  { kind: 'reset' },
  { kind: 'delay', ms: 2500 },
];
type Moment = 'beforeCall' | 'afterCall';
const MISHAPS: readonly (readonly [Moment, CallFault])[] = [
  ...REFUSED.map((fault) => ['beforeCall', fault] as const),
  ...UNANSWERED.map((fault) => ['afterCall', fault] as const),
];
/** A call that is never answered is given up after half a minute, a watch after some. */
const SETTLE_MS = { call: 150_000, watch: 700_000 };

for (const seed of seeds(1)) {
  const undisturbed = await runScenario({ seed });
  for (const [kind, calls] of Map.groupBy(undisturbed.calls, kindOf)) {
    if (!isTried(kind)) continue;
    test(`any fault of ${kind} leads to the same end state (SEED=${seed})`, async () => {
      for (const [{ number, isWatch }, [moment, fault]] of pairs(calls, MISHAPS)) {
        const plan: FaultPlan = {
          [moment]: (call: CallInfo) => (call.number === number ? fault : undefined),
        };
        const settleMs = isWatch ? SETTLE_MS.watch : SETTLE_MS.call;
        const outcome = await runScenario({ seed, settleMs, faults: () => plan });
        assertWell(outcome, `${moment} ${number}, ${kind}: ${JSON.stringify(fault)}`);
      }
    });
  }
}

/** `PATCH changeworkloads/status`: a call without names. */
function kindOf({ method, path, isWatch }: CallInfo): string {
  const [, resource = '', rest = ''] =
    /^\/apis?\/(?:[^/]+\/)?v1[^/]*\/(?:namespaces\/[^/?]+\/)?([^/?]+)(?:\/([^?]*))?/.exec(path) ??
    [];
  const [name, subresource] = rest.split('/');
  const verb = isWatch ? 'WATCH' : method === 'GET' && name === '' ? 'LIST' : method;
  return `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}`;
}
