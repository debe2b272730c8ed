// SPDX-License-Identifier: Apache-2.0
import type { IntOrPercent } from '../json/objects.ts';
import type { ApprovalRule } from './approval.ts';
import { invalid, type FieldError } from './field.ts';
import { mostSteps, type ReleaseSettings } from './steps.ts';

const AT = 'spec.release';

/** The rules of a release that span fields, all of them at once. */
export const checkRelease = (release: ReleaseSettings): FieldError[] => [
  ...checkBatches(release),
  ...checkTopology(release),
  ...checkStrategy(release),
  ...checkCanary(release),
  ...checkApproval(release),
  ...checkSteps(release),
];

/**
 * Compares counts with counts and percentages with percentages: how a count compares with a
 * percentage depends on the replicas.
 */
const checkBatches = ({ batches = [] }: ReleaseSettings): FieldError[] =>
  batches.flatMap((step, i) => {
    const message = misplaced(step, batches.slice(0, i));
    return message === undefined ? [] : [invalid(`${AT}.batches[${i}]`, step, message)];
  });

function misplaced(step: IntOrPercent, before: readonly IntOrPercent[]): string | undefined {
  if (before.includes('100%')) return 'must not follow 100%, which is all pods; remove it';
  const previous = before.findLast((each) => typeof each === typeof step);
  if (previous === undefined || sizeOf(step) > sizeOf(previous)) return undefined;
  return `must be larger than the batch before it (${JSON.stringify(previous)}); batches are cumulative`;
}

const sizeOf = (step: IntOrPercent): number =>
  typeof step === 'number' ? step : Number(step.slice(0, -1));

const checkTopology = ({ batches, topologyKey }: ReleaseSettings): FieldError[] =>
  batches === undefined || topologyKey === undefined
    ? []
    : [invalid(`${AT}.topologyKey`, topologyKey, 'takes the place of batches; remove one of them')];

/** A setting that the strategy does not use would mislead its reader. */
function checkStrategy(release: ReleaseSettings): FieldError[] {
  const { strategy, batches, topologyKey, canary, blueGreen, steps, approval } = release;
  const why = `the strategy ${strategy ?? 'Batch'} does not use it; remove it, or change spec.release.strategy`;
  const unused = [
    ...(strategy === 'Canary' || strategy === 'BlueGreen' ? [['batches', batches] as const] : []),
    ...((strategy ?? 'Batch') === 'Batch' ? [] : [['topologyKey', topologyKey] as const]),
    ...(strategy === 'Canary' ? [] : [['canary', canary] as const]),
    ...(strategy === 'BlueGreen' ? [] : [['blueGreen', blueGreen] as const]),
    ...(strategy === 'Rolling'
      ? ([
          ['steps', steps],
          ['approval', approval],
        ] as const)
      : []),
  ];
  return unused.flatMap(([name, value]) =>
    value === undefined ? [] : [invalid(`${AT}.${name}`, value, why)],
  );
}

function checkCanary({ canary, steps = [] }: ReleaseSettings): FieldError[] {
  const { pods, observeSeconds } = canary ?? {};
  const second = steps.find(({ step, soakSeconds }) => step === 1 && soakSeconds !== undefined);
  const isTwice = observeSeconds !== undefined && second !== undefined;
  return [
    ...(pods === '100%'
      ? [invalid(`${AT}.canary.pods`, pods, 'must leave stable pods to compare with')]
      : []),
    ...(isTwice
      ? [
          invalid(
            `${AT}.canary.observeSeconds`,
            observeSeconds,
            'is the soakSeconds of step 1, which spec.release.steps sets too; remove one of them',
          ),
        ]
      : []),
  ];
}

function checkApproval({ approval, steps = [] }: ReleaseSettings): FieldError[] {
  const first = steps.find(({ step, approval: own }) => step === 1 && own !== undefined);
  const isTwice = approval?.before === 'Change' && first !== undefined;
  const why =
    'is the approval of step 1, which spec.release.steps sets too; remove one of them, or set before: Batch';
  return [
    ...(isTwice ? [invalid(`${AT}.approval.before`, approval.before, why)] : []),
    ...checkGroups(approval, `${AT}.approval`),
    ...steps.flatMap((step, i) => checkGroups(step.approval, `${AT}.steps[${i}].approval`)),
  ];
}

const checkGroups = ({ from = [] }: Pick<ApprovalRule, 'from'> = {}, at: string): FieldError[] =>
  from.flatMap(({ group }, i) =>
    from.findIndex((each) => each.group === group) < i
      ? [invalid(`${at}.from[${i}].group`, group, 'is there twice; join its counts')]
      : [],
  );

function checkSteps(release: ReleaseSettings): FieldError[] {
  const { steps = [], strategy = 'Batch' } = release;
  const most = mostSteps(release, strategy);
  const inOrder = steps.flatMap(({ step }, i) => {
    const at = `${AT}.steps[${i}].step`;
    if (steps.findIndex((each) => each.step === step) < i)
      return [invalid(at, step, 'is there twice; join its settings')];
    if (step <= most || strategy === 'Rolling') return [];
    return [invalid(at, step, `the strategy ${strategy} has ${most} steps`)];
  });
  return [...inOrder, ...checkDeadlines(release), ...checkWeights(release, most)];
}

/** The last step leaves no stable pods to split requests with; blue-green switches all of them. */
function checkWeights({ steps = [], strategy = 'Batch' }: ReleaseSettings, most: number) {
  const why =
    strategy === 'BlueGreen'
      ? 'the strategy BlueGreen switches all requests; remove it'
      : 'the last step releases all pods, and requests follow them; remove it';
  return steps.flatMap(({ step, weight }, i) =>
    weight === undefined || (strategy !== 'BlueGreen' && step < most)
      ? []
      : [invalid(`${AT}.steps[${i}].weight`, weight, why)],
  );
}

function checkDeadlines(release: ReleaseSettings): FieldError[] {
  const { steps = [], soakSeconds, deadlineSeconds } = release;
  const why = (soak: number): string =>
    `must be longer than the soak time of ${soak} s: the step could never pass in time`;
  const own = steps.flatMap((step, i) => {
    const soak = step.soakSeconds ?? soakSeconds;
    const deadline = step.deadlineSeconds ?? deadlineSeconds;
    const isOwn = step.deadlineSeconds !== undefined || step.soakSeconds !== undefined;
    if (!isOwn || deadline === undefined || deadline > soak) return [];
    return [invalid(`${AT}.steps[${i}].deadlineSeconds`, deadline, why(soak))];
  });
  const longest = Math.max(soakSeconds, release.canary?.observeSeconds ?? 0);
  if (deadlineSeconds === undefined || deadlineSeconds > longest) return own;
  return [invalid(`${AT}.deadlineSeconds`, deadlineSeconds, why(longest)), ...own];
}
