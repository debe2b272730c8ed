// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import type { CreateFailure } from '../../check/pod-view.ts';
import type { ObjectMeta } from '../../json/objects.ts';
import { podCreateFailure, replicaSetCreateFailure } from '../../check/create-failure.ts';
import { POD_TEMPLATE_HASH, type FingerprintOf } from '../../revision/fingerprint.ts';
import type { Signing } from '../adapter.ts';
import { asJsonObject } from '../../json/json.ts';
import type { Template } from '../../json/objects.ts';
import {
  isNarrowed,
  routesOf,
  switchProblem,
  type Route,
  type Service,
} from '../traffic/service.ts';
import { identityOf, type Identity } from '../identity.ts';
import {
  isSplit,
  splitProblem,
  splitSince,
  splitsOf,
  type HttpRoute,
  type Split,
} from '../traffic/http-route.ts';
import { revisionOf, type RevisionView, type Rollout, type WorkloadView } from '../view.ts';
import { objectView } from '../writes.ts';
import { userBounds, type Bounds } from './bounds.ts';
import { isInFlight, parseReleaseCap, type ReleaseCap } from './cap/annotation.ts';
import { releasedShare } from './cap/clamp.ts';
import { DEPLOYMENT } from './descriptor.ts';
import { isRecreate, type Deployment, type ReplicaSet } from './objects.ts';

/** A revision of a Deployment: a ReplicaSet. */
export interface ReplicaSetView extends RevisionView, Identity {
  /** Value of its label `pod-template-hash`. */
  readonly hash: string;
  /** The ReplicaSet's own copy of the release annotation. */
  readonly cap?: string;
  /** `spec.replicas` of the Deployment, as its controller recorded it when it last scaled. */
  readonly desired?: string;
  /** Pods that exist, also ones that are to go. */
  readonly existing: number;
}

export interface DeploymentView extends WorkloadView {
  readonly cap: ReleaseCap | 'Invalid' | undefined;
  /** The user's `maxSurge` and `maxUnavailable`, resolved against `replicas`. */
  readonly user: Bounds;
  /** The Services that select its pods. */
  readonly routes: readonly Route[];
  /** The HTTPRoutes that split its requests between two of these Services. */
  readonly splits: readonly Split[];
  readonly revisions: readonly ReplicaSetView[];
}

/** @param replicaSets the ReplicaSets that the Deployment owns */
export function viewDeployment(
  deployment: Deployment,
  replicaSets: readonly ReplicaSet[],
  { fingerprintOf, sign }: Signing,
): DeploymentView {
  const { metadata, spec, status } = deployment;
  const replicas = spec.replicas ?? 1;
  const fingerprint = fingerprintOf(spec.template);
  const cap = parseReleaseCap(metadata.annotations?.[ANNOTATIONS.release]);
  const user = boundsOf(deployment, replicas);
  const revisions = replicaSets.flatMap((rs) => viewReplicaSet(rs, deployment, fingerprintOf));
  const known = { fingerprint, cap, revisions, replicas };
  return {
    ...objectView({ descriptor: DEPLOYMENT, object: deployment }, fingerprint, sign),
    fingerprint,
    template: spec.template,
    replicas,
    size: replicas,
    minReady: replicas - user.unavailable,
    isPaused: spec.paused ?? false,
    isAllOrNothing: isRecreate(spec.strategy),
    allowed: allowedPods(deployment, known),
    cap,
    user,
    routes: [],
    splits: [],
    ...secondsOf(deployment),
    revisions,
    rollout: rolloutOf(deployment, revisions),
    ...holdOf(known),
    isMarked: cap !== undefined || revisions.some((r) => r.cap !== undefined),
    ...withFailure(replicaSetCreateFailure(status)),
  };
}

/** The view with the Services of the namespace. */
export function withServices(
  view: DeploymentView,
  services: readonly Service[],
  neighbors: () => readonly Deployment[],
): DeploymentView {
  const routes = routesOf(services, labelsOf(view.template));
  return {
    ...view,
    routes,
    isMarked: view.isMarked || routes.some(isNarrowed),
    switchProblem: () =>
      switchProblem(
        routes,
        neighbors().map((other) => ({
          name: `Deployment ${other.metadata.name}`,
          labels: labelsOf(other.spec.template),
        })),
      ),
  };
}

/** The view with the HTTPRoutes of the namespace. */
export function withHttpRoutes(
  view: DeploymentView,
  httpRoutes: readonly HttpRoute[],
): DeploymentView {
  const splits = splitsOf(httpRoutes, new Set(view.routes.map(({ name }) => name)));
  const updated = revisionOf(view, view.fingerprint)?.hash;
  return {
    ...view,
    splits,
    isMarked: view.isMarked || splits.some(isSplit),
    weightProblem: () => splitProblem(splits) ?? view.switchProblem?.(),
    ...(splits.length === 0
      ? {}
      : { routedSince: (weight: number) => splitSince(splits, weight, updated) }),
  };
}

const labelsOf = ({ metadata }: Template): Readonly<Record<string, string>> => {
  const entries = Object.entries(asJsonObject(asJsonObject(metadata)['labels']));
  return Object.fromEntries(entries.map(([key, value]) => [key, String(value)]));
};

const secondsOf = ({
  spec: { minReadySeconds = 0, progressDeadlineSeconds = 600 },
}: Deployment) => ({
  minReadySeconds,
  progressDeadlineSeconds,
});

function boundsOf({ spec: { strategy } }: Deployment, replicas: number): Bounds {
  const bounds = userBounds(strategy?.rollingUpdate, replicas);
  return isRecreate(strategy) ? { ...bounds, surge: 0 } : bounds;
}

type Known = Pick<DeploymentView, 'fingerprint' | 'cap' | 'revisions' | 'replicas'>;

function allowedPods({ spec }: Deployment, known: Known): number {
  const { cap, replicas, fingerprint } = known;
  if (spec.paused === true) return 0;
  if (isRecreate(spec.strategy) || cap === undefined || cap === 'Invalid') return Infinity;
  const hash = revisionOf(known, fingerprint)?.hash;
  if (hash === cap.verified) return Infinity;
  return hash === cap.target ? releasedShare(cap, replicas) : 0;
}

const COMPLETE = { reason: 'NewReplicaSetAvailable', lastUpdateTime: '' } as const;

/** A complete rollout has its own reason; a paused one is not in progress. */
function rolloutOf({ spec, status }: Deployment, revisions: readonly RevisionView[]): Rollout {
  const { conditions = [] } = status ?? {};
  const progressing = conditions.find((c) => c.type === 'Progressing') ?? COMPLETE;
  const { reason = '', lastUpdateTime = '' } = progressing;
  const isDone = reason === COMPLETE.reason;
  const running = revisions.filter(({ replicas }) => replicas > 0);
  return {
    isInProgress: !isDone && spec.paused !== true && running.length > 1,
    // Pausing and resuming (reasons `Deployment…`) are not progress.
    lastProgressAt: reason.startsWith('Deployment') ? 0 : Date.parse(lastUpdateTime) || 0,
  };
}

const withFailure = (createFailure: CreateFailure | undefined) =>
  createFailure === undefined ? {} : { createFailure };

export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas';

function desiredOf(annotations: ObjectMeta['annotations']): Pick<ReplicaSetView, 'desired'> {
  const desired = annotations?.[DESIRED_REPLICAS];
  return desired === undefined ? {} : { desired };
}

function viewReplicaSet(
  rs: ReplicaSet,
  { spec: { strategy } }: Deployment,
  fingerprintOf: FingerprintOf,
): ReplicaSetView[] {
  const { template, replicas = 0 } = rs.spec;
  if (template === undefined) return [];
  const { labels, annotations, creationTimestamp = '' } = rs.metadata;
  const { readyReplicas: ready = 0, conditions } = rs.status ?? {};
  const cap = annotations?.[ANNOTATIONS.release];
  const { unavailable } = userBounds(strategy?.rollingUpdate, replicas);
  return [
    {
      ...identityOf(rs.metadata),
      ...{ replicas, template, fingerprint: fingerprintOf(template) },
      createdAt: Date.parse(creationTimestamp) || 0,
      existing: existingPods(rs),
      hash: hashOf(labels),
      // The status lags: ready pods beyond the desired count are already terminating.
      ready: Math.min(ready, replicas),
      isHealthy: ready >= Math.max(1, replicas - unavailable),
      ...withCap(cap),
      ...desiredOf(annotations),
      ...withFailure(podCreateFailure(conditions)),
    },
  ];
}

const existingPods = ({ spec, status }: ReplicaSet): number =>
  Math.max(spec.replicas ?? 0, status?.replicas ?? 0);

const withCap = (cap: string | undefined) => (cap === undefined ? {} : { cap });

const hashOf = (labels: ReplicaSet['metadata']['labels']): string =>
  labels?.[POD_TEMPLATE_HASH] ?? '';

/**
 * The revision that the annotation protects while the template differs: where the held change came
 * from.
 */
function holdOf(known: Known): Pick<WorkloadView, 'hold'> {
  const { cap, replicas, fingerprint, revisions } = known;
  if (cap === undefined || cap === 'Invalid') return {};
  const current = revisionOf(known, fingerprint);
  if (current?.hash === cap.verified) return {};
  const isWhole = current?.hash === cap.target && releasedShare(cap, replicas) >= replicas;
  const from = isWhole ? undefined : revisions.find(({ hash }) => hash === cap.verified);
  return from === undefined
    ? {}
    : { hold: { from: from.fingerprint, isInFlight: isInFlight(cap) } };
}
