// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS, FIELD_MANAGER } from '@altershield/api';
import { parseReleaseCap } from '../cap/annotation.ts';
import { releasedShare } from '../cap/clamp.ts';
import { actorOf } from '../admission/actor.ts';
import { readStamp, type Stamp } from '../admission/stamp.ts';
import type { CreateFailure, RevisionView, WorkloadView } from '../change/model.ts';
import { podCreateFailure, replicaSetCreateFailure } from '../check/create-failure.ts';
import type { Sign } from '../revision/seal.ts';
import { userBounds, type Bounds } from './batches.ts';
import { asRecord, isRecreate, type Deployment, type ReplicaSet, type Template } from './types.ts';

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
  { fingerprintOf, sign }: Tools,
): WorkloadView {
  const { metadata, spec, status } = deployment;
  const replicas = spec.replicas ?? 1;
  const fingerprint = fingerprintOf(spec.template);
  const stamp = readStamp(deployment, fingerprint, sign);
  return {
    uid: metadata.uid,
    fingerprint,
    actor: actorOf(deployment, stamp),
    isOwnWrite: isOwnWrite(deployment, stamp),
    replicas,
    paused: spec.paused ?? false,
    recreate: isRecreate(spec.strategy),
    settled: (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0),
    writtenAt: writtenAt(metadata.managedFields ?? []),
    cap: parseReleaseCap(metadata.annotations?.[ANNOTATIONS.release]),
    user: boundsOf(deployment, replicas),
    minReadySeconds: spec.minReadySeconds ?? 0,
    progressDeadlineSeconds: spec.progressDeadlineSeconds ?? 600,
    revisions: revisions.flatMap((rs) => viewRevision(rs, fingerprintOf)),
    ...withFailure(replicaSetCreateFailure(status)),
  };
}

function boundsOf({ spec: { strategy } }: Deployment, replicas: number): Bounds {
  const bounds = userBounds(strategy?.rollingUpdate, replicas);
  return isRecreate(strategy) ? { ...bounds, surge: 0 } : bounds;
}

/**
 * Whether the newest write of the object is the operator's: a template that differs from what it wrote
 * was altered by another admission plug-in. A user's write carries the mark of the user instead.
 */
function isOwnWrite({ metadata }: Deployment, stamp: Stamp | undefined): boolean {
  if (stamp !== undefined) return false;
  const { managedFields = [] } = metadata;
  const times = managedFields.map((entry) => {
    const { subresource = '', time } = asRecord(entry);
    return subresource === '' && typeof time === 'string' ? Date.parse(time) : 0;
  });
  const own = writtenAt(managedFields);
  return own > 0 && own >= Math.max(...times);
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

export const POD_TEMPLATE_HASH = 'pod-template-hash';

function viewRevision(rs: ReplicaSet, fingerprintOf: FingerprintOf): RevisionView[] {
  const { template, replicas = 0 } = rs.spec;
  if (template === undefined) return [];
  const { name, uid, labels, annotations } = rs.metadata;
  const cap = annotations?.[ANNOTATIONS.release];
  return [
    {
      ...{ name, uid, replicas, fingerprint: fingerprintOf(template) },
      hash: labels?.[POD_TEMPLATE_HASH] ?? '',
      // Its status is late: of more than it is to have, some are going already.
      ready: Math.min(rs.status?.readyReplicas ?? 0, replicas),
      ...(cap === undefined ? {} : { cap }),
      ...withFailure(podCreateFailure(rs.status?.conditions)),
    },
  ];
}

/** The revision with this template: of two, the one that is to have more pods. */
export const revisionOf = (
  { revisions }: Pick<WorkloadView, 'revisions'>,
  fingerprint: string,
): RevisionView | undefined =>
  revisions.filter((r) => r.fingerprint === fingerprint).sort((a, b) => b.replicas - a.replicas)[0];

/**
 * The revision that the annotation protects while the template is another one: what a change that is
 * held came from. Undefined when nothing is held.
 */
export function heldFrom(view: WorkloadView): RevisionView | undefined {
  const { cap, replicas } = view;
  if (cap === undefined || cap === 'Invalid') return undefined;
  const current = revisionOf(view, view.fingerprint);
  if (current?.hash === cap.verified) return undefined;
  const isWhole = current?.hash === cap.target && releasedShare(cap, replicas) >= replicas;
  return isWhole ? undefined : view.revisions.find(({ hash }) => hash === cap.verified);
}
