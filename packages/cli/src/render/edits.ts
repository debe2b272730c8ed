// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload, InPlaceEdit } from '@altershield/api';
import { differenceText, editorText } from '@altershield/core';
import { relative } from './age.ts';
import type { View } from './style.ts';

const MAX_NAMES = 3;

/** Edits of pods and ReplicaSets that the pod template does not have. */
export const editLines = ({ status }: ChangeWorkload, view: View): string[] =>
  (status?.inPlaceEdits ?? []).flatMap((edit) => [
    `  ${edited(edit)} by ${editorText(edit)}, ${relative(edit.lastAt, view.now)}`,
    ...edit.diff.map((difference) => `      ${differenceText(difference)}`),
  ]);

/** `3 pods (web-a, web-b, web-c)`. */
function edited({ kind, names, count }: InPlaceEdit): string {
  const noun = kind === 'Pod' ? 'pod' : kind;
  if (count === 1) return `${noun} ${names.join('')}`;
  const more = count > MAX_NAMES ? ', …' : '';
  return `${count} ${noun}s (${names.slice(0, MAX_NAMES).join(', ')}${more})`;
}
