// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload, PastDecision } from '@altershield/api';
import { evidenceText } from './batches.ts';
import { instant } from './age.ts';
import { finding } from './text.ts';

/** Every recorded decision of a user, with the verdict that it overrode. */
export const decisionLines = ({ status }: ChangeWorkload): string[] =>
  (status?.decisions ?? []).flatMap(story);

function story(decision: PastDecision): string[] {
  const { at, carriedOut, overridden } = decision;
  const when = at === undefined ? '' : `${instant(at)}  `;
  const effect = carriedOut ? '' : '; it no longer applied to the change and had no effect';
  const head = `  ${when}${decided(decision)}${effect}`;
  if (overridden === undefined) return [head];
  const { phase, verdict, batch, reason, message = '', evidence = [] } = overridden;
  const where = batch === undefined ? '' : ` at batch ${batch}`;
  return [
    head,
    `      when it was ${phase}${where}, verdict ${verdict}: ${finding({ reason, message })}`,
    ...evidence.map((item) => `          ${evidenceText(item)}`),
  ];
}

/** `bob decided Resume: known flake`. */
export function decided({
  action,
  by,
  reason,
}: Pick<PastDecision, 'action' | 'by' | 'reason'>): string {
  const who = by ?? 'An unknown user (admission did not see it)';
  return `${who} decided ${action}${reason === undefined ? '' : `: ${reason}`}`;
}
