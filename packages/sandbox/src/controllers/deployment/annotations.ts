// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from '@altershield/kube';
import type { Deployment, ReplicaSet } from '../types.ts';

export const REVISION = 'deployment.kubernetes.io/revision';
export const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas';
export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas';

type Annotations = Readonly<Record<string, string>>;

/** Annotations that the Deployment and its ReplicaSets each have for themselves. */
const OWN = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  'deprecated.deployment.rollback.to',
]);

export function numberAnnotation(object: KubeObject, name: string): number | undefined {
  const value = object.metadata.annotations?.[name];
  return value === undefined ? undefined : Number(value);
}

export const revisionOf = (object: KubeObject): number => numberAnnotation(object, REVISION) ?? 0;

/** Annotations of the new ReplicaSet: those of the Deployment, and a growing revision number. */
export function newSetAnnotations(
  deployment: Deployment,
  set: ReplicaSet | undefined,
  revision: number,
): Annotations {
  const copied = Object.entries(deployment.metadata.annotations ?? {}).filter(
    ([name]) => !OWN.has(name),
  );
  const known = set?.metadata.annotations ?? {};
  const annotations = { ...known, ...Object.fromEntries(copied) };
  const before = set === undefined ? 0 : revisionOf(set);
  if (before >= revision) return annotations;
  const history = [known[REVISION_HISTORY], known[REVISION]].filter((one) => one !== undefined);
  return {
    ...annotations,
    [REVISION]: String(revision),
    ...(history.length > 0 ? { [REVISION_HISTORY]: history.join(',') } : {}),
  };
}
