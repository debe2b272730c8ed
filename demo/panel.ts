// SPDX-License-Identifier: Apache-2.0
import type { Happening, PodSight } from './observer.ts';
import type { ChangePicture, Picture } from './picture.ts';
import { clock, cut, piece, widthOf, type Line, type Tone } from './text.ts';

const EVENTS = 3;
const LABEL = 10;

/** The live panel: twelve lines, none wider than `columns`. */
export function panel(picture: Picture, columns: number): Line[] {
  const lines = [
    title(picture, columns),
    row(
      'pods',
      picture.pods.flatMap((pod, i) => podPieces(pod, i, picture)),
    ),
    row('', legend(picture)),
    row('change', changeLine(picture.change)),
    row('batches', batchBar(picture)),
    row('phase', phaseLine(picture.change)),
    row('', [piece(picture.change?.message ?? '', 'dim')]),
    ...eventLines(picture.happenings),
    [piece('─'.repeat(columns), 'dim')],
  ];
  return lines.map((line) => cut(line, columns));
}

const row = (label: string, pieces: Line): Line => [
  piece(` ${label.padEnd(LABEL)}`, 'dim'),
  ...pieces,
];

function title({ pods, replicas, elapsedMs, badEver }: Picture, columns: number): Line {
  const ready = pods.filter(({ health }) => health === 'ready').length;
  const left = [piece('── ', 'dim'), piece('deploy/checkout', 'strong'), piece(' ', 'dim')];
  const tone = ready >= replicas ? 'good' : 'warn';
  const right = [
    piece(` ${ready} of ${replicas} ready`, tone),
    piece(' · ', 'dim'),
    piece(`bad pods ever: ${badEver}`, badEver === 0 ? 'dim' : 'bad'),
    piece(` · ${clock(elapsedMs)} ──`, 'dim'),
  ];
  const gap = Math.max(0, columns - widthOf(left) - widthOf(right));
  return [...left, piece('─'.repeat(gap), 'dim'), ...right];
}

const TONES: readonly Tone[] = ['first', 'second', 'third', 'busy'];

/** Bad pods are red whatever their revision. */
const toneOf = (tag: string, tags: readonly string[]): Tone =>
  tag.startsWith('bad') ? 'bad' : (TONES[tags.indexOf(tag) % TONES.length] ?? 'plain');

function podPieces(pod: PodSight, index: number, { tags, pods }: Picture): Line {
  const isNewBlock = index > 0 && pods[index - 1]?.tag !== pod.tag;
  return [piece(isNewBlock ? '  ' : ''), piece(`${SIGNS[pod.health]} `, toneOf(pod.tag, tags))];
}

const SIGNS = { ready: '●', starting: '◌', bad: '✖' } as const;

function legend({ tags, pods }: Picture): Line {
  const present = tags.filter((tag) => pods.some((pod) => pod.tag === tag));
  const revisions = present.flatMap((tag) => [
    piece('■ ', toneOf(tag, tags)),
    piece(`${tag} ×${pods.filter((pod) => pod.tag === tag).length}   `),
  ]);
  return [...revisions, piece('● ready  ◌ starting  ✖ in trouble', 'dim')];
}

function changeLine(change: ChangePicture | undefined): Line {
  if (change === undefined) return [piece('none yet', 'dim')];
  const { sequence, from, to, actor } = change;
  return [piece(`#${sequence}  ${from} → `), piece(to, 'strong'), piece(`  by ${actor}`)];
}

/** A cell per replica, a bar between batches. */
function batchBar({ change, pods, targets, replicas }: Picture): Line {
  if (change === undefined) return [piece('─', 'dim')];
  const ofChange = pods.filter(({ tag }) => tag === change.to);
  const cells = Array.from({ length: replicas }, (_, index): Line => {
    const end = targets.includes(index + 1) && index + 1 < replicas;
    return [cellOf(ofChange[index]), piece(end ? '│ ' : '', 'dim')];
  });
  return [...cells.flat(), piece(` ${released(change, targets, replicas)}`)];
}

function released(change: ChangePicture, targets: readonly number[], replicas: number): string {
  const { batch, phase } = change;
  if (batch === 0) return 'held: no pod of it yet';
  if (phase === 'Success') return `all ${targets.length} batches passed`;
  const which = `batch ${batch} of ${targets.length}`;
  if (phase === 'RollingBack') return `${which} is being taken back`;
  if (phase === 'RolledBack') return `${which} was taken back`;
  return `${which} is out: ${targets[batch - 1] ?? 0} of ${replicas} pods at most`;
}

function cellOf(pod: PodSight | undefined): Line[number] {
  if (pod === undefined) return piece('□ ', 'dim');
  const tones = { ready: 'good', starting: 'warn', bad: 'bad' } as const;
  return piece('■ ', tones[pod.health]);
}

const PHASE_TONES: Readonly<Record<string, Tone>> = {
  Success: 'good',
  RollingBack: 'bad',
  RolledBack: 'bad',
  Failed: 'bad',
  Suspend: 'warn',
};
const VERDICT_TONES: Readonly<Record<string, Tone>> = { Pass: 'good', Fail: 'bad' };

function phaseLine(change: ChangePicture | undefined): Line {
  if (change === undefined) return [piece('─', 'dim')];
  const { phase, verdict } = change;
  return [
    piece(phase, PHASE_TONES[phase] ?? 'busy'),
    piece('   verdict ', 'dim'),
    piece(verdict, VERDICT_TONES[verdict] ?? 'plain'),
  ];
}

function eventLines(happenings: readonly Happening[]): Line[] {
  const last = happenings.slice(-EVENTS);
  return Array.from({ length: EVENTS }, (_, index) => {
    const label = index === 0 ? 'events' : '';
    const happening = last[index];
    return row(label, happening === undefined ? [] : eventPieces(happening));
  });
}

export const eventPieces = ({ at, reason, message, isWarning }: Happening): Line => [
  piece(`${clock(at)} `, 'dim'),
  piece(reason, isWarning ? 'warn' : 'good'),
  piece(` ${message}`, 'dim'),
];
