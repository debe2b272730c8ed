// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload } from '@altershield/api';
import { isEnforced, strategyOf } from '@altershield/core';
import { duration, instant, relative } from './age.ts';
import { noRollback } from '../change.ts';
import { stepTexts } from './steps.ts';
import type { View } from './style.ts';

const LABEL_WIDTH = 10;

/** Who, how, when, what, from which revision to which, under which policy. */
export function details({ spec }: ChangeWorkload, view: View): string[] {
  const label = (name: string): string => view.paint('dim', name.padEnd(LABEL_WIDTH));
  const rest = ' '.repeat(LABEL_WIDTH);
  const diff = diffLines(spec, view);
  return [
    `${label('Who')}${who(spec)}`,
    `${label('How')}${how(spec)}`,
    `${label('When')}${instant(spec.detectedAt)} (${relative(spec.detectedAt, view.now)})`,
    ...diff.map((line, index) => `${index === 0 ? label('What') : rest}${line}`),
    ...notHeld(spec).map((line) => `${label('Not held')}${line}`),
    `${label('Revision')}${revisions(spec)}`,
    `${label('Policy')}${policy(spec)}`,
  ];
}

function who({ actor }: ChangeWorkload['spec']): string {
  if (!actor.stamped) {
    const by =
      actor.fieldManager === undefined
        ? ''
        : `; the write is by field manager ${actor.fieldManager}`;
    return `not known: admission did not see the change${by}`;
  }
  const groups = (actor.groups ?? []).filter((group) => group !== 'system:authenticated');
  const member = groups.length === 0 ? '' : ` of ${groups.join(', ')}`;
  return `${actor.user}${member} (authenticated at admission)`;
}

function how(spec: ChangeWorkload['spec']): string {
  const { cause, actor, operation, detectedBy } = spec;
  const late = isEnforced(spec) ? 'found by the watch, held late' : 'found by the watch';
  const manager = actor.fieldManager === undefined ? '' : `, field manager ${actor.fieldManager}`;
  const seen = detectedBy === 'Admission' ? 'seen at admission' : late;
  return `${cause.action} by ${cause.tool}${manager}${operation === 'Create' ? ', a new workload' : ''}; ${seen}`;
}

function diffLines({ diff, diffTruncated, to }: ChangeWorkload['spec'], { paint }: View): string[] {
  if (diff.length === 0) return [`images ${to.images?.join(', ')}`];
  const lines = diff.map(({ path, from, to: value }) => {
    const before = from === undefined ? paint('dim', '(absent)') : paint('bad', from);
    const after = value === undefined ? paint('dim', '(removed)') : paint('good', value);
    return `${path}: ${before} → ${after}`;
  });
  return diffTruncated === true ? [...lines, paint('dim', '… and more than fits')] : lines;
}

const notHeld = ({ notHeld: fields = [] }: ChangeWorkload['spec']): string[] =>
  fields.length === 0 ? [] : [`${fields.join(', ')}: took effect at once`];

function revisions({ from, to }: ChangeWorkload['spec']): string {
  const target = short(to.fingerprint);
  if (from === undefined) return `${target}; no revision to roll back to`;
  return `${short(from.fingerprint)} (${from.verified ? 'verified' : 'not verified'}) → ${target}`;
}

/** The part of a fingerprint that users compare. */
export const short = (fingerprint: string): string => fingerprint.slice(0, 12);

type Release = ChangeWorkload['spec']['policy']['spec']['release'];

/** `, approval before each batch: 2 of sre, 1 of security`. */
function approvalText({ approval, steps = [] }: Release): string {
  const each = approval?.before === 'Batch' ? 'each batch' : 'the first batch';
  return [
    ...(approval === undefined ? [] : [approversText(each, approval)]),
    ...steps.flatMap(({ step, approval: own }) =>
      own === undefined ? [] : [approversText(`batch ${step}`, own)],
    ),
  ].join('');
}

function approversText(
  before: string,
  { from = [] }: Pick<NonNullable<Release['approval']>, 'from'>,
): string {
  const groups = from.map(({ group, count }) => `${count} of ${group}`);
  return `, approval before ${before}: ${groups.length === 0 ? 'of one user' : groups.join(', ')}`;
}

/** For a change that is observed only, leaves out settings that have no effect. */
function policy(recorded: ChangeWorkload['spec']): string {
  const { namespace, name, generation, spec } = recorded.policy;
  const { soakSeconds } = spec.release;
  const policyName = `${namespace}/${name} (generation ${generation})`;
  const soak = `soak ${duration(soakSeconds * 1000)}`;
  if (spec.mode === 'Audit') return `${policyName}: Audit, ${soak}`;
  const strategy = strategyOf(recorded);
  const steps = `${strategy} ${stepTexts(spec.release, strategy).join(', ')}`.trimEnd();
  const { onFail = noRollback({ spec: recorded }) === undefined ? 'RollBack' : 'Suspend' } = spec;
  return `${policyName}: ${spec.mode}, ${steps}, ${soak}${approvalText(spec.release)}, on Fail ${onFail}, on Inconclusive ${spec.onInconclusive}`;
}
