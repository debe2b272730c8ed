// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { ANNOTATIONS } from '@altershield/api';
import {
  HELD,
  fingerprint,
  groupKind,
  isInFlight,
  parseReleaseCap,
  userBounds,
  type Deployment,
  type ReleaseCap,
  type Template,
} from '@altershield/core';
import type { KubeObject } from '@altershield/kube';
import type { DaemonSet, PodEvent, Sandbox, StatefulSet } from '@altershield/sandbox';
import type { KindUnderTest } from './kinds.ts';

type Pod = PodEvent['pod'];

/** What an object said at some time of the pods that there may be. */
export interface Word {
  readonly replicas: number;
  /** Pods that its user does without. */
  readonly unavailable: number;
  /** What the kind's own law reads of it. */
  readonly about: unknown;
}

export interface Asked {
  readonly revision: string;
  /** What the object said a moment ago, and says now. */
  readonly words: readonly Word[];
  /** Nobody answers for the writes that scale a workload. */
  readonly isOpen: boolean;
}

/** How pods of a kind are counted, and how many a revision may have by what the object says. */
export interface KindLaw {
  wordOf(object: KubeObject, sandbox: Sandbox): Word;
  revisionOf(pod: Pod): string;
  /** Most pods of a revision; infinite at rest, and for the revision that is protected. */
  allowed(asked: Asked): number;
  /** Pods that a hold releases; undefined: nothing is held. */
  released(word: Word): number | undefined;
}

const LAWS: Readonly<Record<string, KindLaw>> = {
  'Deployment.apps': {
    wordOf: (object) => {
      const { metadata, spec } = object as unknown as Deployment;
      const { replicas = 1, strategy } = spec;
      const { unavailable, surge } = userBounds(strategy?.rollingUpdate, replicas);
      return { replicas, unavailable, about: { cap: readable(metadata.annotations), surge } };
    },
    revisionOf: ({ metadata }) => metadata.labels?.['pod-template-hash'] ?? '',
    allowed: ({ words, ...asked }) => {
      const facts = words.map(({ replicas, about }) => ({
        ...(about as { readonly cap: ReleaseCap | undefined; readonly surge: number }),
        replicas,
      }));
      // The share of what was released may be of what the Deployment was scaled to a moment ago.
      const shares = facts.flatMap(({ cap }) =>
        facts.map(({ replicas, surge }) => shareOf({ cap, replicas, surge, ...asked })),
      );
      return Math.max(...shares);
    },
    released: ({ about }) => {
      const { cap } = about as { readonly cap: ReleaseCap | undefined };
      return cap !== undefined && isInFlight(cap) ? cap.released : undefined;
    },
  },
  'StatefulSet.apps': {
    wordOf: (object, sandbox) => {
      const { metadata, spec, status } = object as StatefulSet;
      const { type, rollingUpdate } = spec.updateStrategy;
      const { partition = 0, maxUnavailable } = { ...rollingUpdate };
      const share = userBounds({ maxSurge: 0, maxUnavailable: maxUnavailable ?? 1 }, spec.replicas);
      const open: Open = {
        from: heldFrom(metadata.annotations),
        isReleased: type === 'RollingUpdate',
        partition,
        update: revisionNamed(sandbox, spec.template),
        current: status?.currentRevision,
      };
      return { replicas: spec.replicas, unavailable: Math.max(1, share.unavailable), about: open };
    },
    revisionOf: ({ metadata }) => metadata.labels?.['controller-revision-hash'] ?? '',
    allowed: ({ words, revision }) => {
      const opened = words.map(({ about }) => about as Open);
      const shares = opened.flatMap((open) =>
        words.map(({ replicas }) => releasedBy(open, replicas, revision)),
      );
      return Math.max(...shares);
    },
    released: ({ about, replicas }) => {
      const { from, isReleased, partition } = about as Open;
      if (from === undefined) return undefined;
      return isReleased ? Math.max(0, replicas - partition) : 0;
    },
  },
  'DaemonSet.apps': {
    wordOf: (object) => {
      const { spec, status } = object as DaemonSet;
      const replicas = status?.desiredNumberScheduled ?? 0;
      const { maxUnavailable = 1 } = { ...spec.updateStrategy.rollingUpdate };
      // Unlike those of the other kinds, its controller rounds up.
      const unavailable =
        typeof maxUnavailable === 'number'
          ? maxUnavailable
          : Math.ceil((replicas * parseInt(maxUnavailable, 10)) / 100);
      return { replicas, unavailable: Math.max(1, unavailable), about: spec.updateStrategy.type };
    },
    revisionOf: ({ metadata }) => metadata.labels?.['controller-revision-hash'] ?? '',
    // Each pod that is missing comes back updated: what is released is in the records alone.
    allowed: () => Infinity,
    released: () => undefined,
  },
};

export const lawOf = ({ adapter }: KindUnderTest): KindLaw => {
  const name = groupKind(adapter.descriptor.resource);
  return LAWS[name] ?? assert.fail(`${name} has a law in test/support/laws.ts`);
};

type Annotations = Readonly<Record<string, string>> | undefined;

function readable(annotations: Annotations): ReleaseCap | undefined {
  const cap = parseReleaseCap(annotations?.[ANNOTATIONS.release]);
  return cap === 'Invalid' ? undefined : cap;
}

interface Share {
  readonly cap: ReleaseCap | undefined;
  readonly replicas: number;
  readonly surge: number;
  readonly isOpen: boolean;
  readonly revision: string;
}

/** Pods that a revision may have; at rest that is for whoever is alive to say. */
function shareOf({ cap, replicas, surge, isOpen, revision }: Share): number {
  if (cap === undefined || !isInFlight(cap) || cap.verified === revision) return Infinity;
  if (cap.target === HELD || cap.target !== revision) return 0;
  // Kubernetes spreads the surge as well, and rounds.
  if (isOpen && cap.released > 0) {
    return Math.ceil(cap.released * Math.max(1, (replicas + surge) / cap.replicas)) + 1;
  }
  return replicas >= cap.replicas
    ? cap.released
    : Math.floor((cap.released * replicas) / cap.replicas);
}

/** What a StatefulSet lets start. */
interface Open {
  /** Fingerprint of the revision that the hold protects; undefined: nothing is held. */
  readonly from: string | undefined;
  readonly isReleased: boolean;
  readonly partition: number;
  /** Name of the revision of its template, once there is one. */
  readonly update: string | undefined;
  /** Name of the revision that its controller creates below the partition. */
  readonly current: string | undefined;
}

function heldFrom(annotations: Annotations): string | undefined {
  const text = annotations?.[ANNOTATIONS.hold];
  return text === undefined ? undefined : (JSON.parse(text) as { readonly from: string }).from;
}

function revisionNamed(sandbox: Sandbox, template: unknown): string | undefined {
  const wanted = fingerprint(template as Template);
  const list = sandbox.server.store.list('controllerrevisions.apps', 'shop') as unknown as {
    readonly metadata: { readonly name: string };
    readonly data: { readonly spec: { readonly template: Template } };
  }[];
  const found = list.find(({ data }) => {
    const { $patch: _, ...kept } = data.spec.template;
    return fingerprint(kept) === wanted;
  });
  return found?.metadata.name;
}

/**
 * Pods of a revision that is not the protected one: as many as the partition leaves. Of the current one
 * its controller creates as many as it wants: at zero replicas, that becomes the held one.
 */
function releasedBy(open: Open, replicas: number, revision: string): number {
  if (open.from === undefined || open.current === revision) return Infinity;
  if (open.update !== undefined && open.update !== revision) return 0;
  return open.isReleased ? Math.max(0, replicas - open.partition) : 0;
}
