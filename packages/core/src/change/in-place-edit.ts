// SPDX-License-Identifier: Apache-2.0
import { MAX_EDITED_NAMES, MAX_EDITS, type InPlaceEdit } from '@altershield/api';
import { isController } from '../hold/actor.ts';
import { isEqual } from '../json/canonical.ts';
import { diffTemplates } from '../revision/diff.ts';
import { timeText } from './status.ts';

/** An edit of one pod or ReplicaSet that does not come from the template of its workload. */
export interface SeenEdit extends Pick<InPlaceEdit, 'kind' | 'diff' | 'actor'> {
  readonly name: string;
  readonly at: number;
}

const MAX_DIFFERENCES = 16;

/** The difference of an edit, as far as the record keeps it. */
export const editDiff = (from: unknown, to: unknown): InPlaceEdit['diff'] =>
  diffTemplates(from, to).differences.slice(0, MAX_DIFFERENCES);

/**
 * The edits of a record with one more. Adding an edit again changes nothing: two replicas may see
 * it. An authenticated actor replaces a field manager, never the reverse.
 */
export function withEdit(
  edits: readonly InPlaceEdit[],
  { name, at, ...seen }: SeenEdit,
): readonly InPlaceEdit[] {
  const known = edits.find(
    (edit) =>
      edit.names.includes(name) &&
      isAlike(edit, seen) &&
      (isEqual(edit.actor, seen.actor) || !edit.actor.stamped || !seen.actor.stamped),
  );
  if (known !== undefined && (!seen.actor.stamped || known.actor.stamped)) return edits;
  const left = known === undefined ? edits : without(edits, known, name);
  const group = left.find((edit) => isAlike(edit, seen) && isEqual(edit.actor, seen.actor));
  const time = timeText(at);
  if (group === undefined) {
    const by = isController(seen.actor) ? 'Controller' : 'User';
    const first = { ...seen, by, names: [name], count: 1, firstAt: time, lastAt: time } as const;
    return [...left, first].slice(-MAX_EDITS);
  }
  const more = {
    ...group,
    names: [...group.names, name].slice(0, MAX_EDITED_NAMES),
    count: group.count + 1,
    lastAt: time,
  };
  return left.map((edit) => (edit === group ? more : edit));
}

/** The entries of a record that say something new. */
export const newEdits = (
  before: readonly InPlaceEdit[],
  after: readonly InPlaceEdit[],
): readonly InPlaceEdit[] =>
  after.filter(
    (edit) => !before.some((each) => isAlike(each, edit) && isEqual(each.actor, edit.actor)),
  );

const isAlike = (edit: InPlaceEdit, seen: Pick<SeenEdit, 'kind' | 'diff'>): boolean =>
  edit.kind === seen.kind && isEqual(edit.diff, seen.diff);

const without = (
  edits: readonly InPlaceEdit[],
  from: InPlaceEdit,
  name: string,
): readonly InPlaceEdit[] =>
  edits.flatMap((edit) => {
    if (edit !== from) return [edit];
    const names = edit.names.filter((each) => each !== name);
    return names.length === 0 ? [] : [{ ...edit, names, count: edit.count - 1 }];
  });

/** `alice with kubectl-edit`, or the field manager alone if admission did not see the edit. */
export function editorText({ actor: { user, fieldManager, stamped }, by }: InPlaceEdit): string {
  const subject = by === 'Controller' ? 'the controller ' : '';
  if (stamped)
    return `${subject}${user}${fieldManager === undefined ? '' : ` with ${fieldManager}`}`;
  return fieldManager === undefined
    ? 'an unknown user'
    : `${by === 'Controller' ? 'the controller' : 'an unknown user'} with field manager ${fieldManager}`;
}

/** `3 pods edited in place by alice with kubectl-edit: containers[app].image: a → b`. */
export function editText(edit: InPlaceEdit): string {
  const { kind, count, names, diff } = edit;
  const noun = kind === 'Pod' ? 'pod' : kind;
  const what = count === 1 ? `${noun} ${names[0] ?? ''}` : `${count} ${noun}s`;
  return `${what} edited in place by ${editorText(edit)}: ${diff.map(differenceText).join(', ')}`;
}

export const differenceText = ({ path, from, to }: InPlaceEdit['diff'][number]): string =>
  `${path}: ${from ?? '(absent)'} → ${to ?? '(removed)'}`;
