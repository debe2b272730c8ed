// SPDX-License-Identifier: Apache-2.0
import type { Goal } from '../goal.ts';
import type { DeploymentView } from './observe.ts';
import type { PatchWrite } from '../adapter.ts';
import type { Deployment } from './objects.ts';

/** Stands in the condition while a batch soaks; the Deployment controller replaces it at the next progress. */
const REASON = 'SoakingByAlterShield';
/** What the controller says of a rollout that is done. */
const COMPLETE = 'NewReplicaSetAvailable';

/**
 * A soak that outlasts the user's `progressDeadlineSeconds` would have the Deployment say
 * `ProgressDeadlineExceeded`, and tools call it failed. The controller keeps a condition that says
 * otherwise, and counts its deadline from the time in it: one write for the whole soak.
 */
export function keepProgressing(
  { soaksUntil, target }: Extract<Goal, { type: 'Release' }>,
  { deployment, view }: { readonly deployment: Deployment; readonly view: DeploymentView },
): PatchWrite[] {
  const conditions = deployment.status?.conditions ?? [];
  const index = conditions.findIndex(({ type }) => type === 'Progressing');
  const { status, reason, lastUpdateTime } = conditions[index] ?? {};
  if (soaksUntil === undefined || status !== 'True' || lastUpdateTime === undefined) return [];
  // A complete rollout misses no deadline, and the controller would restore its condition at once.
  if (reason === COMPLETE) return [];
  const deadline = Date.parse(lastUpdateTime) + view.progressDeadlineSeconds * 1000;
  if (soaksUntil < deadline) return [];
  const path = `/status/conditions/${index}`;
  const until = new Date(soaksUntil).toISOString().replace(/\.\d+Z$/, 'Z');
  const message = `AlterShield released ${target} of ${view.replicas} pods and watches them until ${until}.`;
  return [
    {
      ...({
        resource: 'Deployment',
        subresource: 'status',
        name: deployment.metadata.name,
      } as const),
      ops: [
        { op: 'test', path: '/metadata/uid', value: deployment.metadata.uid },
        { op: 'test', path: `${path}/type`, value: 'Progressing' },
        { op: 'test', path: `${path}/lastUpdateTime`, value: lastUpdateTime },
        { op: 'replace', path: `${path}/lastUpdateTime`, value: until },
        { op: 'replace', path: `${path}/reason`, value: REASON },
        { op: 'replace', path: `${path}/message`, value: message },
      ],
    },
  ];
}
