// SPDX-License-Identifier: Apache-2.0
import type { Snapshot, WorkloadAdapter } from '../adapter.ts';
import { deploymentAdmission } from './admission.ts';
import { DEPLOYMENT } from './descriptor.ts';
import { legacyRestore } from './legacy-hold.ts';
import type { Deployment, ReplicaSet } from './objects.ts';
import { viewDeployment, withHttpRoutes, withServices, type DeploymentView } from './observe.ts';
import { planDeployment } from './plan.ts';

/** Deployment: released by a cap on its ReplicaSets, which the Deployment controller respects. */
export const deployment: WorkloadAdapter<Deployment, DeploymentView> = {
  descriptor: DEPLOYMENT,
  admission: deploymentAdmission,
  observe: (snapshot, signing) => {
    const { replicaSets = [], services = [], httpRoutes = [] } = snapshot.related;
    const view = viewDeployment(snapshot.object, replicaSets as readonly ReplicaSet[], signing);
    return withHttpRoutes(withServices(view, services, neighborsOf(snapshot)), httpRoutes);
  },
  revisionOfPod: ({ metadata }) =>
    metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid,
  plan: (goal, { object, view }) => planDeployment(goal, { deployment: object, view }),
  migrate: ({ object, view }) => legacyRestore(object, view),
};

const neighborsOf =
  ({ neighbors }: Snapshot<Deployment>) =>
  (): readonly Deployment[] =>
    neighbors?.() ?? [];
