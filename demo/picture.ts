// SPDX-License-Identifier: Apache-2.0
import type { Happening, Observer, PodSight } from './observer.ts';
import { REPLICAS, TARGETS } from './policy.ts';
import { tagOf, type ChangeObject } from './cluster.ts';

export interface ChangePicture {
  readonly sequence: number;
  readonly from: string;
  readonly to: string;
  readonly actor: string;
  readonly phase: string;
  readonly verdict: string;
  readonly message: string;
  /** Number of the batch that is out; 0 before the first. */
  readonly batch: number;
}

/** All that the audience sees at one instant. */
export interface Picture {
  readonly elapsedMs: number;
  /** Pods that were ever in trouble. */
  readonly badEver: number;
  readonly replicas: number;
  /** Pods of the new revision after each batch. */
  readonly targets: readonly number[];
  /** In the order of their revisions. */
  readonly pods: readonly PodSight[];
  /** Every revision there ever was, the oldest first. */
  readonly tags: readonly string[];
  /** The newest change. */
  readonly change?: ChangePicture;
  /** The newest last; `at` counts from the start. */
  readonly happenings: readonly Happening[];
}

export function pictureOf(observer: Observer, startedAt: number, now: number): Picture {
  const newest = observer.changes.at(-1);
  const tags = tagsOf(observer);
  const pods = observer.pods.sort((a, b) => tags.indexOf(a.tag) - tags.indexOf(b.tag));
  const happenings = observer.happenings.map(({ at, message, ...rest }) => ({
    ...rest,
    at: at - startedAt,
    message: shortName(message).replace(/^[\w-]+-\d+: /, ''),
  }));
  const base = { replicas: REPLICAS, targets: TARGETS, elapsedMs: now - startedAt };
  const { badEver } = observer;
  const change = newest === undefined ? {} : { change: changeOf(newest, observer) };
  return { ...base, badEver, pods, tags, happenings, ...change };
}

function tagsOf({ changes, pods }: Observer): string[] {
  const images = changes.flatMap(({ spec }) => [spec.from?.images?.[0], spec.to.images?.[0]]);
  const ofChanges = images.filter((image) => image !== undefined).map(tagOf);
  return [...new Set([...ofChanges, ...pods.map(({ tag }) => tag)])];
}

function changeOf(change: ChangeObject, observer: Observer): ChangePicture {
  const { sequence, from, to, actor } = change.spec;
  const { phase = 'Init', verdict = 'None', message = '' } = change.status ?? {};
  const batch = observer.batchesOf(change).length;
  const said = message === '' ? findingOf(change, observer) : message;
  return {
    ...{ sequence, phase, verdict, batch, message: said },
    from: tagOf(from?.images?.[0]),
    to: tagOf(to.images?.[0]),
    actor: shortName(actor.user),
  };
}

function findingOf(change: ChangeObject, observer: Observer): string {
  const checks = observer.batchesOf(change).at(-1)?.status?.checks ?? [];
  return checks[0]?.message ?? '';
}

/** `flux-system:kustomize-controller` for a service account's long name. */
const shortName = (text: string): string => text.replaceAll('system:serviceaccount:', '');
