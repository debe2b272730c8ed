// SPDX-License-Identifier: Apache-2.0
import { RESOURCES } from '@altershield/kube';
import { completesOnDelete, hasMaxUnavailable } from '../../api-server/kubernetes-version.ts';
import { isFailure, type Cluster } from '../cluster.ts';
import type { StatefulSet } from '../types.ts';
import { recordEvent } from './events.ts';
import {
  hasEnded,
  isAvailable,
  isRunningAndReady,
  isTerminating,
  isUnavailable,
  newPod,
  podsOf,
  revisionAt,
  startOf,
  type Availability,
  type Replica,
} from './replicas.ts';
import { truncateHistory } from '../revisions.ts';
import { resolveRevisions, type Revisions } from './revisions.ts';
import { completed, countedStatus, isNews, writeStatus, type Counted } from './status.ts';
import { podsToUpdate } from './update.ts';

/** Whether a pass goes on to the next pod, or ends here and waits. */
type Progress = 'continue' | 'wait';

/** One pass over one StatefulSet, acting on the objects read at its start. */
export class StatefulSetSync {
  readonly #cluster: Cluster;
  readonly #set: StatefulSet;
  readonly #pods: readonly Replica[];
  readonly #availability: Availability;

  constructor(cluster: Cluster, set: StatefulSet) {
    this.#cluster = cluster;
    this.#set = set;
    this.#pods = podsOf(cluster, set);
    const minReadySeconds = set.spec.minReadySeconds ?? 0;
    this.#availability = { minReadySeconds, now: cluster.scheduler.now() };
  }

  async run(): Promise<void> {
    const revisions = await resolveRevisions(this.#cluster, this.#set);
    try {
      await this.#update(revisions);
    } finally {
      await this.#truncate(revisions);
    }
  }

  async #update(revisions: Revisions): Promise<void> {
    const replicas = this.#replicas(revisions);
    const condemned = this.#condemned();
    const status = countedStatus(this.#set, revisions, {
      replicas: [...replicas, ...condemned],
      availability: this.#availability,
    });
    let deleted = 0;
    try {
      if (this.#set.metadata.deletionTimestamp !== undefined) return;
      if ((await this.#manage(replicas, condemned, revisions)) === 'wait') return;
      for (const replica of this.#outdated(replicas, revisions)) {
        await this.#delete(replica);
        deleted += 1;
      }
    } finally {
      const currentReplicas = status.currentReplicas - deleted;
      await this.#writeStatus({ ...status, currentReplicas });
    }
  }

  /** One for each ordinal, existing or not, the lowest first. */
  #replicas(revisions: Revisions): Replica[] {
    const start = startOf(this.#set);
    return Array.from({ length: this.#set.spec.replicas }, (_, at) => {
      const ordinal = start + at;
      const found = this.#pods.find((replica) => replica.ordinal === ordinal);
      const revision = revisionAt(this.#set, ordinal, revisions).metadata.name;
      const name = `${this.#set.metadata.name}-${ordinal}`;
      return found ?? { ordinal, name, revision, pod: undefined };
    });
  }

  /** Pods outside of the ordinals, the highest first. */
  #condemned(): Replica[] {
    const start = startOf(this.#set);
    const end = start + this.#set.spec.replicas;
    return this.#pods
      .filter(({ ordinal }) => ordinal < start || ordinal >= end)
      .sort((a, b) => b.ordinal - a.ordinal);
  }

  async #manage(
    replicas: readonly Replica[],
    condemned: readonly Replica[],
    revisions: Revisions,
  ): Promise<Progress> {
    const ascending = [...replicas, ...condemned.toReversed()];
    const firstUnavailable = ascending.find((one) => isUnavailable(one, this.#availability));
    const kept = await this.#forAll(replicas, (one) => this.#keep(one, revisions));
    if (kept === 'wait') return kept;
    return this.#forAll(condemned, (one) => this.#remove(one, firstUnavailable));
  }

  get #isOrdered(): boolean {
    return this.#set.spec.podManagementPolicy === 'OrderedReady';
  }

  /** OrderedReady: one after the other, until one has to wait. Parallel: all at once, without waiting. */
  async #forAll(
    replicas: readonly Replica[],
    work: (replica: Replica) => Promise<Progress>,
  ): Promise<Progress> {
    if (!this.#isOrdered) {
      await Promise.all(replicas.map(work));
      return 'continue';
    }
    for (const replica of replicas) {
      if ((await work(replica)) === 'wait') return 'wait';
    }
    return 'continue';
  }

  async #keep(replica: Replica, revisions: Revisions): Promise<Progress> {
    if (hasEnded(replica)) {
      if (!isTerminating(replica)) await this.#delete(replica);
      return 'wait';
    }
    if (replica.pod === undefined) {
      await this.#create(replica, revisions);
      return 'wait';
    }
    return this.#isSound(replica) ? 'continue' : 'wait';
  }

  /** OrderedReady: a scale-down waits while another pod is unavailable. */
  async #remove(replica: Replica, firstUnavailable: Replica | undefined): Promise<Progress> {
    if (isTerminating(replica)) return 'wait';
    const isNext = this.#isSound(replica) || replica === firstUnavailable;
    if (!this.#isOrdered || isNext) await this.#delete(replica);
    return 'wait';
  }

  #isSound(replica: Replica): boolean {
    return (
      !isTerminating(replica) &&
      isRunningAndReady(replica) &&
      isAvailable(replica, this.#availability)
    );
  }

  #outdated(replicas: readonly Replica[], { update }: Revisions): readonly Replica[] {
    return podsToUpdate(this.#set, {
      replicas,
      updateRevision: update.metadata.name,
      availability: this.#availability,
      hasMaxUnavailable: hasMaxUnavailable(this.#cluster.server.kubernetes),
    });
  }

  async #create({ name, revision }: Replica, { current, update }: Revisions): Promise<void> {
    const content = revision === update.metadata.name ? update : current;
    await this.#recorded('create', name, () =>
      this.#cluster.create(RESOURCES.pod, newPod(this.#set, name, content)),
    );
  }

  /** By name alone, as the real controller does it. */
  async #delete({ name }: Replica): Promise<void> {
    const key = { namespace: this.#set.metadata.namespace ?? '', name };
    await this.#recorded('delete', name, () => this.#cluster.delete(RESOURCES.pod, key));
  }

  async #recorded(
    verb: 'create' | 'delete',
    pod: string,
    act: () => Promise<unknown>,
  ): Promise<void> {
    const event = { verb, pod } as const;
    try {
      await act();
    } catch (error) {
      // A name that another pod has is not worth an Event.
      if (!isFailure(error, 409)) recordEvent(this.#cluster, this.#set, { ...event, error });
      throw error;
    }
    recordEvent(this.#cluster, this.#set, event);
  }

  async #writeStatus(counted: Counted): Promise<void> {
    const withOnDelete = completesOnDelete(this.#cluster.server.kubernetes);
    const status = completed(this.#set, counted, withOnDelete);
    if (isNews(this.#set, status)) await writeStatus(this.#cluster, this.#set, status);
  }

  async #truncate({ known, current, update }: Revisions): Promise<void> {
    const ofPods = this.#pods.map(({ revision }) => revision);
    const used = new Set([...ofPods, current.metadata.name, update.metadata.name]);
    await truncateHistory(this.#cluster, this.#set, { known, used });
  }
}
