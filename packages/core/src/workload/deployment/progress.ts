// SPDX-License-Identifier: Apache-2.0
import type { Goal, RolloutFailure } from '../goal.ts';
import type { DeploymentView } from './observe.ts';
import type { PatchWrite } from '../adapter.ts';
import type { Deployment } from './objects.ts';

/** Stands in the condition while a batch soaks; the Deployment controller replaces it at the next progress. */
const REASON = 'SoakingByAlterShield';
/** What the controller says of a rollout that is done. */
const COMPLETE = 'NewReplicaSetAvailable';
/** What it says of one that failed: the only reason by which tools stop waiting. */
const FAILED = 'ProgressDeadlineExceeded';

/**
 * A soak that outlasts the user's `progressDeadlineSeconds` would have the Deployment say
 * `ProgressDeadlineExceeded`, and tools call it failed. The controller keeps a condition that says
 * otherwise, and counts its deadline from the time in it: one write for the whole soak.
 */
export function keepProgressing(
  { soaksUntil, target }: Extract<Goal, { type: 'Release' }>,
  { deployment, view }: { readonly deployment: Deployment; readonly view: DeploymentView },
): PatchWrite[] {
  const { index, status, reason, lastUpdateTime } = progressingOf(deployment);
  if (soaksUntil === undefined || status !== 'True' || lastUpdateTime === undefined) return [];
  // A complete rollout misses no deadline, and the controller would restore its condition at once.
  if (reason === COMPLETE) return [];
  const deadline = Date.parse(lastUpdateTime) + view.progressDeadlineSeconds * 1000;
  if (soaksUntil < deadline) return [];
  const path = `/status/conditions/${index}`;
  const until = toSeconds(new Date(soaksUntil).toISOString());
  const message = `AlterShield released ${target} of ${view.replicas} pods and watches them until ${until}.`;
  const { name, uid } = deployment.metadata;
  return [
    {
      ...({ resource: 'Deployment', subresource: 'status', name } as const),
      ops: [
        { op: 'test', path: '/metadata/uid', value: uid },
        { op: 'test', path: `${path}/type`, value: 'Progressing' },
        { op: 'test', path: `${path}/lastUpdateTime`, value: lastUpdateTime },
        { op: 'replace', path: `${path}/lastUpdateTime`, value: until },
        { op: 'replace', path: `${path}/reason`, value: REASON },
        { op: 'replace', path: `${path}/message`, value: message },
      ],
    },
  ];
}

/**
 * After a rollback the Deployment is healthy again, and a tool that waits for it would call the change
 * that was rolled back a success. So the rollout is called failed first, as Kubernetes calls it: with
 * the verified template the controller replaces the condition at its next progress.
 */
export function reportFailure(
  failure: RolloutFailure | undefined,
  deployment: Deployment,
): PatchWrite[] {
  const { name, uid, generation = 0 } = deployment.metadata;
  const { index, status, reason } = progressingOf(deployment);
  if (failure === undefined || status === undefined || reason === FAILED) return [];
  // The controller lets it stand on a paused Deployment.
  if (deployment.spec.paused === true) return [];
  const path = `/status/conditions/${index}`;
  const at = toSeconds(failure.since);
  const text = `AlterShield rolls this revision back: ${failure.message}`;
  return [
    {
      ...({ resource: 'Deployment', subresource: 'status', name, isOptional: true } as const),
      ops: [
        { op: 'test', path: '/metadata/uid', value: uid },
        { op: 'test', path: '/metadata/generation', value: generation },
        { op: 'test', path: `${path}/type`, value: 'Progressing' },
        { op: 'add', path: `${path}/status`, value: 'False' },
        { op: 'add', path: `${path}/reason`, value: FAILED },
        { op: 'add', path: `${path}/message`, value: text },
        { op: 'add', path: `${path}/lastUpdateTime`, value: at },
        { op: 'add', path: `${path}/lastTransitionTime`, value: at },
      ],
    },
  ];
}

function progressingOf({ status }: Deployment) {
  const conditions = status?.conditions ?? [];
  const index = conditions.findIndex(({ type }) => type === 'Progressing');
  return { ...conditions[index], index };
}

/** Conditions of Deployments have no fractions of a second. */
const toSeconds = (time: string): string => time.replace(/\.\d+Z$/, 'Z');
