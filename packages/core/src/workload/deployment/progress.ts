// SPDX-License-Identifier: Apache-2.0
import type { Goal, RolloutFailure } from '../goal.ts';
import type { DeploymentView } from './observe.ts';
import type { PatchWrite } from '../adapter.ts';
import type { Deployment } from './objects.ts';

/**
 * Reason of the condition while a batch soaks; the Deployment controller replaces it at its next
 * progress.
 */
const REASON = 'SoakingByAlterShield';
/** The controller's reason for a complete rollout. */
const COMPLETE = 'NewReplicaSetAvailable';
/** The controller's reason for a failed rollout, the only one that makes tools stop waiting. */
const FAILED = 'ProgressDeadlineExceeded';

/**
 * A soak longer than the user's `progressDeadlineSeconds` would set `ProgressDeadlineExceeded`, and
 * tools would report a failure. The controller keeps a condition with another reason, and counts
 * its deadline from the time in it: one write covers the whole soak.
 */
export function keepProgressing(
  { soaksUntil, target }: Extract<Goal, { type: 'Release' }>,
  { deployment, view }: { readonly deployment: Deployment; readonly view: DeploymentView },
): PatchWrite[] {
  const { index, status, reason, lastUpdateTime } = progressingOf(deployment);
  if (soaksUntil === undefined || status !== 'True' || lastUpdateTime === undefined) return [];
  // A complete rollout cannot exceed its deadline, and the controller would restore its condition.
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
 * After a rollback the Deployment is healthy again, and a tool that waits for it would report
 * success for the change that was rolled back. So the rollout is first marked as failed, the way
 * Kubernetes does it; the controller replaces the condition at its next progress.
 */
export function reportFailure(
  failure: RolloutFailure | undefined,
  deployment: Deployment,
): PatchWrite[] {
  const { name, uid, generation = 0 } = deployment.metadata;
  const { index, status, reason } = progressingOf(deployment);
  if (failure === undefined || status === undefined || reason === FAILED) return [];
  // On a paused Deployment the controller would never replace the condition.
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

/** Condition times of Deployments have whole seconds. */
const toSeconds = (time: string): string => time.replace(/\.\d+Z$/, 'Z');
