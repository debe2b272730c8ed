// SPDX-License-Identifier: Apache-2.0
import { Counter, type Registry } from 'prom-client';
import type { Informer } from '../cache/informer.ts';
import type { ReflectorStats } from '../cache/reflector.ts';
import type { KubeObject } from '../client/object.ts';

/** What of an informer is counted. */
export type Counted = Pick<Informer<KubeObject>, 'resource' | 'stats'>;

const HELP: Readonly<Record<keyof ReflectorStats, string>> = {
  lists: 'Completed lists, by resource.',
  watches: 'Watches started, by resource.',
  events: 'Watch events received, by resource.',
  failures: 'Failed lists and watches, by resource.',
};

/** The `reflector_*` series, read from the informers when they are scraped. */
export function reflectorSeries(registry: Registry, informers: () => Iterable<Counted>): void {
  for (const fact of ['lists', 'watches', 'events', 'failures'] as const) {
    new Counter({
      name: `reflector_${fact}_total`,
      help: HELP[fact],
      labelNames: ['name'],
      registers: [registry],
      collect() {
        this.reset();
        for (const { resource, stats } of informers()) {
          this.inc({ name: resource.plural }, stats[fact]);
        }
      },
    });
  }
}
