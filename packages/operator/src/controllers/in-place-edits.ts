// SPDX-License-Identifier: Apache-2.0
import { CHANGE_WORKLOADS, type Actor, type EventReason, type InPlaceEdit } from '@altershield/api';
import {
  editDiff,
  editText,
  editorFromManagedFields,
  newEdits,
  subresourceOfEdit,
  templateText,
  withEdit,
  type ReviewedEdit,
  type SeenEdit,
} from '@altershield/core';
import {
  Controller,
  LruMap,
  type ControllerMetrics,
  type InformerEvent,
  type KubeObject,
  type Logger,
  type Runnable,
  type Scheduler,
  type WriteThroughClient,
} from '@altershield/kube';
import type { ChangeObject, PodObject, ReplicaSetObject } from '../objects.ts';
import { changesOf, workloadOf, type Caches } from '../caches/caches.ts';
import type { PolicyCache } from '../caches/policy-cache.ts';
import { parseWorkloadKey, type FollowedKind, type Workload } from '../kinds/followed-kind.ts';

export interface InPlaceEditsDeps {
  readonly caches: Caches;
  readonly policyCache: Pick<PolicyCache, 'policyFor'>;
  readonly client: WriteThroughClient;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly metrics?: ControllerMetrics | undefined;
  /** Called for each new entry in the record of a workload. */
  readonly onEdit: (workload: Workload, edit: InPlaceEdit) => void;
}

/** Reviews that wait for their event of the watch, which follows within milliseconds. */
const MAX_REVIEWS = 1000;

/** Edits within this time become one write. */
const GATHER_MS = 100;
/** How long the leader waits for the replica that knows the user to record the edit. */
const UNANNOUNCED_MS = 400;

/**
 * Edits of pods and ReplicaSets that do not come from the template of their workload. The watch
 * finds them, admission knows their users, and the newest record of the workload lists them:
 * however many pods are edited, one write at a time per workload.
 *
 * Every replica watches. The API server asks any one of them about an edit; that one knows the
 * user, and writes it. The leader writes the edits that no review announced.
 */
export class InPlaceEdits {
  readonly runnable: Runnable;
  readonly #deps: InPlaceEditsDeps;
  readonly #controller: Controller;
  readonly #reviewed = new LruMap<Actor>(MAX_REVIEWS);
  /** Edits that are not in a record yet, by workload. */
  readonly #pending = new Map<string, readonly SeenEdit[]>();
  #term: AbortSignal | undefined;

  constructor(deps: InPlaceEditsDeps) {
    this.#deps = deps;
    const { scheduler, log, metrics, caches } = deps;
    const controller = new Controller({
      name: 'in-place-edits',
      ...{ scheduler, log, metrics },
      reconcile: (key, { signal }) => this.#record(key, signal),
    });
    this.#controller = controller;
    this.runnable = { name: controller.name, start: (signal) => controller.start(signal) };
    for (const kind of caches.kinds) this.#watch(kind);
  }

  /** Until the signal aborts, this replica records the edits that no review announced, too. */
  lead(term: AbortSignal): void {
    this.#term = term;
  }

  get #isLeader(): boolean {
    return this.#term?.aborted === false;
  }

  readonly reviewed = ({ uid, content, actor }: ReviewedEdit): void => {
    this.#reviewed.set(`${uid} ${content}`, actor);
  };

  #watch(kind: FollowedKind): void {
    for (const { key, kind: name, informer } of kind.related) {
      const found = EDITS[name];
      if (found === undefined) continue;
      informer.onEvent((event) => {
        const edit = found(event);
        const root = edit && kind.rootOf(key, event.object);
        if (edit !== undefined && root !== undefined) this.#observe(root, edit, event.object);
      });
    }
  }

  #observe(workload: string, { kind, from, to, through }: Edited, { metadata }: KubeObject): void {
    const actor = this.#reviewed.get(`${metadata.uid} ${to}`);
    if ((actor === undefined && !this.#isLeader) || !this.#isMatched(workload)) return;
    const edit: SeenEdit = {
      ...{ kind, name: metadata.name, at: this.#deps.scheduler.now() },
      diff: editDiff(JSON.parse(from), JSON.parse(to)),
      actor: actor ?? editorFromManagedFields(metadata.managedFields ?? [], through),
    };
    if (edit.diff.length === 0) return;
    this.#pending.set(workload, [...(this.#pending.get(workload) ?? []), edit]);
    this.#controller.enqueueAfter(workload, actor === undefined ? UNANNOUNCED_MS : GATHER_MS);
  }

  #isMatched(key: string): boolean {
    const { caches, policyCache } = this.#deps;
    const { namespace, ...rest } = parseWorkloadKey(key);
    const workload = workloadOf(caches, { namespace, ...rest });
    if (workload === undefined) return false;
    const { kind, object } = workload;
    const { resource } = kind.adapter.descriptor;
    return policyCache.policyFor(resource, object.metadata, namespace) !== undefined;
  }

  async #record(key: string, signal: AbortSignal): Promise<void> {
    const seen = this.#pending.get(key) ?? [];
    const workload = workloadOf(this.#deps.caches, parseWorkloadKey(key));
    if (workload !== undefined) await this.#add(workload, seen, signal);
    const left = (this.#pending.get(key) ?? []).slice(seen.length);
    if (left.length === 0) this.#pending.delete(key);
    else this.#pending.set(key, left);
  }

  async #add(workload: Workload, seen: readonly SeenEdit[], signal: AbortSignal): Promise<void> {
    const { caches, onEdit } = this.#deps;
    const { kind, object } = workload;
    const change = changesOf(caches, parseWorkloadKey(kind.keyOf(object))).findLast(
      ({ spec }) => spec.target.uid === object.metadata.uid,
    );
    const before = change?.status?.inPlaceEdits ?? [];
    const edits = seen.reduce(withEdit, before);
    if (change !== undefined && edits !== before) await this.#write(change, edits, signal);
    for (const edit of newEdits(before, edits)) onEdit(workload, edit);
  }

  /** Rejects with a conflict if the record has changed since it was read; then it is tried again. */
  async #write(
    { metadata }: ChangeObject,
    inPlaceEdits: readonly InPlaceEdit[],
    signal: AbortSignal,
  ): Promise<void> {
    const { namespace = '', name, uid, resourceVersion } = metadata;
    const body = { metadata: { uid, resourceVersion }, status: { inPlaceEdits } };
    await this.#deps.client.patch(
      CHANGE_WORKLOADS,
      { namespace, name },
      { type: 'merge', body },
      { subresource: 'status', signal },
    );
  }
}

interface Edited extends Pick<SeenEdit, 'kind'> {
  /** JSON of what was edited. */
  readonly from: string;
  readonly to: string;
  /** The subresource of the write. */
  readonly through: string;
}

type Find = (event: InformerEvent<KubeObject>) => Edited | undefined;

/** How to recognize an edit, by the kind of the object. */
const EDITS: Readonly<Record<string, Find>> = {
  Pod: ({ old, object }) => {
    const [from, to] = [old, object].map((pod) => (pod as PodObject | undefined)?.editable);
    if (from === undefined || to === undefined || from === to) return undefined;
    return { kind: 'Pod', from, to, through: subresourceOfEdit(from, to) };
  },
  ReplicaSet: ({ old, object }) => {
    if (old === undefined || old.metadata.generation === object.metadata.generation)
      return undefined;
    const [from = '', to = ''] = [old, object].map((rs) =>
      templateText((rs as ReplicaSetObject).spec.template ?? {}),
    );
    return from === to ? undefined : { kind: 'ReplicaSet', from, to, through: '' };
  },
};

/** The Event of a workload for an edit. */
export const editEvent = (edit: InPlaceEdit) => ({
  type: edit.by === 'User' ? ('Warning' as const) : ('Normal' as const),
  reason: 'EditedInPlace' satisfies EventReason,
  message: editText(edit),
});
