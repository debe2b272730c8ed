// SPDX-License-Identifier: Apache-2.0
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { QueueMetrics } from '../queue/work-queue.ts';
import type { Scheduler } from '../runtime/scheduler.ts';

/** When work on each key of one queue began. */
type AtWork = Map<string, number>;

const SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 600];
const UNFINISHED = 'Total time spent so far on keys in progress. Growing: a worker hangs.';
const LONGEST = 'Time spent so far on the key that has been in progress for longest.';
const labelNames = ['name'] as const;

/** The `workqueue_*` series of all queues of one registry. */
export class QueueSeries {
  readonly #scheduler: Scheduler;
  readonly #atWork = new Map<string, AtWork>();
  readonly #depth: Gauge<'name'>;
  readonly #adds: Counter<'name'>;
  readonly #retries: Counter<'name'>;
  readonly #waited: Histogram<'name'>;
  readonly #worked: Histogram<'name'>;

  constructor(registry: Registry, scheduler: Scheduler) {
    this.#scheduler = scheduler;
    const common = { labelNames, registers: [registry] };
    const timed = { ...common, buckets: SECONDS };
    const depth = { name: 'workqueue_depth', help: 'Keys waiting for a worker.' };
    const adds = { name: 'workqueue_adds_total', help: 'Keys added to the queue.' };
    const retries = { name: 'workqueue_retries_total', help: 'Keys retried after a failure.' };
    const waited = {
      name: 'workqueue_queue_duration_seconds',
      help: 'Time that keys waited in the queue.',
    };
    const worked = {
      name: 'workqueue_work_duration_seconds',
      help: 'Time that processing a key took.',
    };
    this.#depth = new Gauge({ ...common, ...depth });
    this.#adds = new Counter({ ...common, ...adds });
    this.#retries = new Counter({ ...common, ...retries });
    this.#waited = new Histogram({ ...timed, ...waited });
    this.#worked = new Histogram({ ...timed, ...worked });
    const unfinished = { name: 'workqueue_unfinished_work_seconds', help: UNFINISHED };
    const longest = { name: 'workqueue_longest_running_processor_seconds', help: LONGEST };
    this.#registerAges(unfinished, registry, sum);
    this.#registerAges(longest, registry, (agesMs) => Math.max(0, ...agesMs));
  }

  /** What a queue of that name reports to. */
  hooks(name: string): QueueMetrics {
    const atWork: AtWork = new Map();
    this.#atWork.set(name, atWork);
    return {
      added: () => {
        this.#adds.inc({ name });
      },
      depth: (depth) => {
        this.#depth.set({ name }, depth);
      },
      retried: () => {
        this.#retries.inc({ name });
      },
      started: (waitedMs, key) => {
        atWork.set(key, this.#scheduler.elapsed());
        this.#waited.observe({ name }, waitedMs / 1000);
      },
      finished: (workedMs, key) => {
        atWork.delete(key);
        this.#worked.observe({ name }, workedMs / 1000);
      },
    };
  }

  /** A series that is computed from running work when it is scraped. */
  #registerAges(
    series: { readonly name: string; readonly help: string },
    registry: Registry,
    of: (agesMs: readonly number[]) => number,
  ): void {
    const queues = this.#atWork;
    const scheduler = this.#scheduler;
    new Gauge({
      ...series,
      labelNames,
      registers: [registry],
      collect() {
        const now = scheduler.elapsed();
        for (const [name, atWork] of queues) {
          this.set({ name }, of([...atWork.values()].map((startedAt) => now - startedAt)) / 1000);
        }
      },
    });
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
