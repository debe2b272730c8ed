// SPDX-License-Identifier: Apache-2.0

import {
  notReady,
  podCreated,
  podEnded,
  ready,
  tagged,
  type StatusTemplate,
} from './pod-status.ts';

/** A step of a simulated kubelet: when an object looks like this, then after a while do that. */
export interface Stage {
  readonly name: string;
  readonly kind: 'Pod' | 'Node';
  readonly when: readonly Condition[];
  /** Least and greatest delay in milliseconds. */
  readonly after?: readonly [number, number];
  /** A jq expression that gives the delay instead, such as `"2s"`. */
  readonly afterQuery?: string;
  readonly status?: StatusTemplate;
  readonly event?: { readonly type: string; readonly reason: string; readonly message: string };
  readonly delete?: boolean;
}

/** A jq query of the object, and whether it gives anything (or one of the values). */
export interface Condition {
  readonly key: string;
  readonly operator: 'Exists' | 'DoesNotExist' | 'In' | 'NotIn';
  readonly values?: readonly string[];
}

const SCENARIOS = 'bad|crash|oom|cfgerr|noready|flap|slow|jobfail|jobrun';

/** Everything a pod may go through, chosen by its image's tag; the last stages are for any other tag. */
export function podStages(): Stage[] {
  return [
    {
      name: 'delete',
      kind: 'Pod',
      when: [exists('.metadata.deletionTimestamp'), hasGrace()],
      delete: true,
    },
    stage('create', [missing('.status.containerStatuses[]?')], { status: podCreated() }),
    ...imagePullFails(),
    ...configIsMissing(),
    ...crashLoop('crash', 1, 'Error'),
    ...crashLoop('oom', 137, 'OOMKilled'),
    ...neverReady(),
    ...slowlyReady(),
    ...flapping(),
    ...jobs(),
    stage('ready', [noFate(), isCreating()], {
      after: [1000, 3000],
      status: ready(''),
    }),
  ];
}

function imagePullFails(): Stage[] {
  const fails = notReady('bad', {
    waiting: {
      reason: 'ErrImagePull',
      message: `printf "failed to pull and unpack image %q: failed to resolve reference %q: not found" $c.image $c.image`,
    },
  });
  const backsOff = notReady('bad', {
    waiting: { reason: 'ImagePullBackOff', message: 'printf "Back-off pulling image %q" $c.image' },
  });
  return [
    stage('image-missing', [waiting('bad', 'ContainerCreating')], {
      after: [500, 800],
      status: fails,
      event: warning('Failed', 'Failed to pull image: not found'),
    }),
    stage('image-pull-backs-off', [waiting('bad', 'ErrImagePull')], {
      after: [200, 400],
      status: backsOff,
      event: warning('BackOff', 'Back-off pulling image'),
    }),
    stage('image-pull-tried-again', [waiting('bad', 'ImagePullBackOff')], {
      after: [10_000, 15_000],
      status: fails,
    }),
  ];
}

function configIsMissing(): Stage[] {
  const message = 'configmap "settings" not found';
  const status = notReady('cfgerr', {
    waiting: { reason: 'CreateContainerConfigError', message: JSON.stringify(message) },
  });
  return [
    stage('config-missing', [waiting('cfgerr', 'ContainerCreating')], {
      after: [500, 800],
      status,
      event: warning('Failed', `Error: ${message}`),
    }),
  ];
}

/** Runs without being ready, ends, is restarted at once the first time and with growing delays then. */
function crashLoop(tag: string, exitCode: number, reason: string): Stage[] {
  const message =
    'printf "back-off restarting failed container=%s pod=%s_%s(%s)" $c.name $root.metadata.name $root.metadata.namespace $root.metadata.uid';
  const restarted = notReady(tag, { running: { isRestart: true } });
  return [
    stage(`${tag}-starts`, [waiting(tag, 'ContainerCreating')], {
      after: [300, 600],
      status: notReady(tag, { running: {} }),
    }),
    stage(`${tag}-ends`, [container(tag, '.state.running.startedAt')], {
      after: [300, 600],
      status: notReady(tag, { terminated: { exitCode, reason } }),
    }),
    stage(`${tag}-first-restart`, [hasEnded(tag), neverRestarted(tag, 'In')], {
      after: [50, 100],
      status: restarted,
    }),
    stage(`${tag}-backs-off`, [hasEnded(tag), neverRestarted(tag, 'NotIn')], {
      after: [50, 100],
      status: notReady(tag, { waiting: { reason: 'CrashLoopBackOff', message, isRestart: true } }),
      event: warning('BackOff', 'Back-off restarting failed container'),
    }),
    stage(`${tag}-restarts`, [waiting(tag, 'CrashLoopBackOff')], {
      // 1 s, 2 s, 4 s, … 10 s: a kubelet's own 10 s to 5 min would only make tests wait.
      afterQuery: `[pow(2; ([.status.containerStatuses[].restartCount] | max) - 1), 10] | min | tostring + "s"`,
      status: restarted,
    }),
  ];
}

function neverReady(): Stage[] {
  return [
    stage('noready-runs', [waiting('noready', 'ContainerCreating')], {
      after: [1000, 2000],
      status: notReady('noready', { running: {} }),
      event: PROBE_FAILED,
    }),
  ];
}

function slowlyReady(): Stage[] {
  return [
    stage('slow-runs', [waiting('slow', 'ContainerCreating')], {
      after: [800, 1200],
      status: notReady('slow', { running: {} }),
    }),
    stage('slow-ready', [container('slow', '.state.running.startedAt'), isReady('False')], {
      after: [7200, 8800],
      status: ready('slow'),
    }),
  ];
}

function flapping(): Stage[] {
  return [
    stage('flap-starts', [waiting('flap', 'ContainerCreating')], {
      after: [1000, 2000],
      status: ready('flap'),
    }),
    stage('flap-down', [scenario('flap'), isReady('True')], {
      after: [1500, 2500],
      status: notReady('flap', { running: { isSame: true } }),
      event: PROBE_FAILED,
    }),
    stage('flap-up', [scenario('flap'), isRunning(), isReady('False')], {
      after: [1000, 2000],
      status: ready('flap', { running: { isSame: true } }),
    }),
  ];
}

function jobs(): Stage[] {
  const running = [ofJob(), isRunning(), isReady('True')];
  return [
    stage('job-runs', [waiting('jobfail|jobrun', 'ContainerCreating')], {
      after: [500, 1000],
      status: ready('jobfail|jobrun'),
    }),
    stage('job-fails', [scenario('jobfail'), ...running], {
      after: [500, 1000],
      status: podEnded('Failed', 1),
    }),
    stage('job-completes', [noFate(), ...running], {
      after: [500, 1500],
      status: podEnded('Succeeded', 0),
    }),
  ];
}

const PROBE_FAILED = warning(
  'Unhealthy',
  'Readiness probe failed: HTTP probe failed with statuscode: 503',
);

function stage(
  name: string,
  when: readonly Condition[],
  rest: Omit<Stage, 'name' | 'kind' | 'when'>,
): Stage {
  return { name, kind: 'Pod', when: [missing('.metadata.deletionTimestamp'), ...when], ...rest };
}

function scenario(tags: string): Condition {
  return exists(`.spec.containers[] | select(.image | test("${tagged(tags)}")) | .name`);
}

function noFate(): Condition {
  return { ...scenario(SCENARIOS), operator: 'DoesNotExist' };
}

function ofJob(): Condition {
  return { key: '.metadata.ownerReferences[]?.kind', operator: 'In', values: ['Job'] };
}

/** A query of the containers with this fate only: their neighbours are well and run. */
function container(tags: string, path: string): Condition {
  return exists(
    `.status.containerStatuses[]? | select(.image | test("${tagged(tags)}")) | ${path}`,
  );
}

function waiting(tags: string, reason: string): Condition {
  return { ...container(tags, '.state.waiting.reason'), operator: 'In', values: [reason] };
}

function isCreating(): Condition {
  const key = '.status.containerStatuses[]?.state.waiting.reason';
  return { key, operator: 'In', values: ['ContainerCreating'] };
}

function hasEnded(tags: string): Condition {
  return container(tags, '.state.terminated.reason');
}

function neverRestarted(tags: string, operator: 'In' | 'NotIn'): Condition {
  return { ...container(tags, '.restartCount | tostring'), operator, values: ['0'] };
}

function isRunning(): Condition {
  return exists('.status.containerStatuses[]?.state.running.startedAt');
}

function isReady(status: 'True' | 'False'): Condition {
  return {
    key: '.status.conditions[]? | select(.type == "Ready") | .status',
    operator: 'In',
    values: [status],
  };
}

/**
 * Without grace the API server itself removes the pod. The simulated kubelet deletes by name: a second deletion would hit
 * the pod's successor in a StatefulSet.
 */
function hasGrace(): Condition {
  const key = '.metadata.deletionGracePeriodSeconds | tostring';
  return { key, operator: 'NotIn', values: ['0'] };
}

function exists(key: string): Condition {
  return { key, operator: 'Exists' };
}

function missing(key: string): Condition {
  return { key, operator: 'DoesNotExist' };
}

function warning(reason: string, message: string): NonNullable<Stage['event']> {
  return { type: 'Warning', reason, message };
}
