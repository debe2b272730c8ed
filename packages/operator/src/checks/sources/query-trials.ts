// SPDX-License-Identifier: Apache-2.0
import { expand, type ValidPolicy } from '@altershield/core';
import type { Scheduler } from '@altershield/kube';
import type { MetricSourceObject } from '../../objects.ts';
import { ReadError } from '../read-error.ts';
import type { MetricSources } from './metric-sources.ts';

type Metric = NonNullable<ValidPolicy['spec']['checks']['metrics']>[number];

/** A workload that the policy matches, for the variables of a query. */
export interface Sample {
  readonly namespace: string;
  readonly workload: string;
}

export interface QueryProblem {
  /** Name of the check. */
  readonly check: string;
  readonly isInvalid: boolean;
  readonly message: string;
}

/** Matches every pod. */
const ALL_PODS = '.+';
const WINDOW_MS = 300_000;
const STEP_MS = 15_000;

/** A query with a problem is tried again after this: there may be traffic now. */
export const TRY_AGAIN_MS = 300_000;

interface Trial {
  readonly key: string;
  readonly startedAt: number;
  /** As far as known. */
  problem?: QueryProblem | undefined;
}

export interface QueryTrialsDeps {
  readonly sources: Pick<MetricSources, 'find' | 'query'>;
  readonly scheduler: Pick<Scheduler, 'now'>;
}

/**
 * Tries the queries of a policy once, when the policy or its source is written: a typing error should
 * not wait for the first change.
 */
export class QueryTrials {
  readonly #deps: QueryTrialsDeps;
  /** By uid of the policy, then by name of the check. */
  readonly #trials = new Map<string, Map<string, Trial>>();

  constructor(deps: QueryTrialsDeps) {
    this.#deps = deps;
  }

  /** What is known to be wrong with the queries; starts what has not been tried, then calls `then`. */
  errorsFor(
    policy: ValidPolicy,
    sample: Sample,
    { signal, then }: { readonly signal: AbortSignal; readonly then: () => void },
  ): readonly QueryProblem[] {
    const known = this.#trials.get(policy.uid) ?? new Map<string, Trial>();
    const current = new Map<string, Trial>();
    const problems = (policy.spec.checks.metrics ?? []).flatMap((metric) => {
      const source = this.#sourceOf(metric, policy);
      if (!('metadata' in source)) return [source];
      // The workload is only an example: another one is no reason to try again.
      const key = `${metric.query}/${source.metadata.uid}/${String(source.metadata.generation)}`;
      const before = known.get(metric.name);
      const trial = this.#current(key, before);
      current.set(metric.name, trial);
      if (trial !== before) {
        void this.#try(trial, { metric, source, sample }, signal).then(then);
      }
      return trial.problem ?? [];
    });
    this.#trials.set(policy.uid, current);
    return problems;
  }

  forget(uid: string): void {
    this.#trials.delete(uid);
  }

  /** The trial before, unless it is of another query, or old and of one with a problem. */
  #current(key: string, before: Trial | undefined): Trial {
    const startedAt = this.#deps.scheduler.now();
    if (before?.key !== key) return { key, startedAt };
    const { problem } = before;
    const isOld = startedAt - before.startedAt >= TRY_AGAIN_MS;
    return problem !== undefined && isOld ? { key, startedAt, problem } : before;
  }

  #sourceOf(
    { name, source }: Metric,
    { namespace }: ValidPolicy,
  ): MetricSourceObject | QueryProblem {
    try {
      const found = this.#deps.sources.find(namespace, source);
      const ready = found.status?.conditions?.find(({ type }) => type === 'Ready');
      if (ready?.status !== 'False') return found;
      const message = `MetricSource ${found.metadata.name} is not ready: ${ready.message}`;
      return { check: name, isInvalid: false, message };
    } catch (error) {
      return { check: name, isInvalid: false, message: textOf(error) };
    }
  }

  async #try(
    trial: Trial,
    of: { readonly metric: Metric; readonly source: MetricSourceObject; readonly sample: Sample },
    signal: AbortSignal,
  ): Promise<void> {
    const { metric, source, sample } = of;
    const end = this.#deps.scheduler.now();
    const expression = expand(metric.query, sample, ALL_PODS);
    const query = { expression, start: end - WINDOW_MS, end, step: STEP_MS };
    try {
      const series = await this.#deps.sources.query(source, query, signal);
      const isEmpty = series.every(({ values }) => values.length === 0);
      const matchesNone = isEmpty && source.spec.holoinsight?.api !== 'Query';
      trial.problem = matchesNone ? nothing(metric, sample) : undefined;
    } catch (error) {
      // That the source does not answer is told in its own status.
      const isInvalid = error instanceof ReadError && error.reason === 'InvalidQuery';
      trial.problem = isInvalid
        ? { check: metric.name, isInvalid, message: textOf(error) }
        : undefined;
    }
  }
}

const nothing = ({ name }: Metric, { namespace, workload }: Sample): QueryProblem => ({
  check: name,
  isInvalid: false,
  message: `the query returned nothing for ${namespace}/${workload} in the last 5 minutes; check its labels, or ignore this while there is no traffic`,
});

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
