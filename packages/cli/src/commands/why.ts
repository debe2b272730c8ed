// SPDX-License-Identifier: Apache-2.0
import { isOver, phaseOf } from '@altershield/core';
import { joinBatches, newestFirst, type Story } from '../change.ts';
import {
  viewOf,
  withSession,
  type CommandContext,
  type GlobalOptions,
  type Session,
} from '../cli.ts';
import { findChanges } from '../cluster/find.ts';
import { podsNow } from '../cluster/pods-now.ts';
import { listBatchesOf, listChanges } from '../cluster/records.ts';
import { structured, type Format } from '../render/structured.ts';
import { printable } from '../render/style.ts';
import { renderWhy } from '../render/why.ts';
import { parseTarget } from '../target.ts';

export interface WhyOptions extends GlobalOptions {
  readonly output?: Format;
  readonly operatorNamespace: string;
}

/** `altershield why deploy/NAME`: the newest change of the workload, or the change that was named. */
export async function why(
  cli: CommandContext,
  words: readonly string[],
  options: WhyOptions,
): Promise<void> {
  const target = parseTarget(words);
  await withSession(cli, options, async (session) => {
    const namespace = options.namespace ?? session.namespace;
    const [record] = await findChanges(
      session.client,
      namespace,
      target,
      options.operatorNamespace,
    );
    const story = await tell(session, record);
    const { output } = options;
    if (output === undefined) cli.io.out(renderWhy(printable(story), viewOf(cli)));
    else cli.io.out(structured(output, { change: story.record, batches: story.batches }));
  });
}

async function tell({ client }: Session, record: Story['record']): Promise<Story> {
  const batches = await listBatchesOf(client, record);
  const { namespace } = record.metadata;
  const { apiVersion, kind, name } = record.spec.target;
  const others = (await listChanges(client, { namespace }))
    .filter(
      ({ spec: { target } }) =>
        target.apiVersion === apiVersion && target.kind === kind && target.name === name,
    )
    .filter(({ metadata }) => metadata.uid !== record.metadata.uid)
    .toSorted(newestFirst);
  const [change] = joinBatches([record], batches);
  const pods = isOver(phaseOf(record)) ? undefined : await podsNow(client, record);
  return { record, batches: change?.batches ?? [], others, pods };
}
