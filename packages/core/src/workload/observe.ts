// SPDX-License-Identifier: Apache-2.0
import { FIELD_MANAGER, HELD_MIN_READY_SECONDS } from '@altershield/api';
import type { CreateFailure, RevisionView, WorkloadView } from '../change/model.ts';
import { podCreateFailure, replicaSetCreateFailure } from '../check/create-failure.ts';
import type { Sign } from '../revision/seal.ts';
import { userBounds } from './batches.ts';
import { isRecreate, ownFieldsOf, readHold } from './hold.ts';
import { boundsOf } from './plan.ts';
import { asRecord, type Deployment, type ReplicaSet, type Template } from './types.ts';

/** Identity of a template; a seam for tests. */
export type FingerprintOf = (template: Template) => string;

export interface Tools {
  readonly sign: Sign;
  readonly fingerprintOf: FingerprintOf;
}

/** @param revisions the ReplicaSets that the Deployment owns */
export function viewDeployment(
  deployment: Deployment,
  revisions: readonly ReplicaSet[],
  { sign, fingerprintOf }: Tools,
): WorkloadView {
  const { metadata, spec, status } = deployment;
  const hold = readHold(deployment, sign);
  const own = hold.state === 'Held' ? hold.record.own : ownFieldsOf(deployment);
  const replicas = spec.replicas ?? 1;
  return {
    uid: metadata.uid,
    fingerprint: fingerprintOf(spec.template),
    replicas,
    paused: spec.paused ?? false,
    recreate: isRecreate(spec.strategy),
    settled: (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0),
    writtenAt: writtenAt(metadata.managedFields ?? []),
    hold,
    bounds: boundsOf(deployment),
    user: userBounds(own.strategy.rollingUpdate, replicas),
    progressDeadlineSeconds: own.progressDeadlineSeconds,
    revisions: revisions.flatMap((rs) => viewRevision(rs, fingerprintOf)),
    ...withFailure(replicaSetCreateFailure(status)),
  };
}

const withFailure = (createFailure: CreateFailure | undefined) =>
  createFailure === undefined ? {} : { createFailure };

function writtenAt(managedFields: readonly unknown[]): number {
  const times = managedFields.map((entry) => {
    const { manager, subresource = '', time } = asRecord(entry);
    const isOurs = manager === FIELD_MANAGER && subresource === '';
    return isOurs && typeof time === 'string' ? Date.parse(time) : 0;
  });
  return Math.max(0, ...times);
}

function viewRevision(rs: ReplicaSet, fingerprintOf: FingerprintOf): RevisionView[] {
  const { template, replicas = 0, minReadySeconds } = rs.spec;
  if (template === undefined) return [];
  const { name, uid } = rs.metadata;
  const { readyReplicas = 0, availableReplicas = readyReplicas } = rs.status ?? {};
  const surplus = Math.max(0, (rs.status?.replicas ?? 0) - replicas);
  const counted = {
    held: minReadySeconds === HELD_MIN_READY_SECONDS,
    uncounted: readyReplicas - availableReplicas,
    surplus,
    ...withFailure(podCreateFailure(rs.status?.conditions)),
  };
  return [{ name, uid, replicas, fingerprint: fingerprintOf(template), ...counted }];
}
