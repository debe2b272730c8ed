// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readChangeRca, type Release } from './changerca.ts';
import { readKontrast, readMicrosoft, readNab, readSamples } from './sets.ts';
import type { RecordedSeries, Trial } from './trial.ts';

export interface Sets {
  /** Recorded noise, by the name of its set. */
  readonly noise: ReadonlyMap<string, readonly RecordedSeries[]>;
  /** Labeled changes with so many samples after them, by the name of their set. */
  readonly labeled: ReadonlyMap<string, (samples: number) => readonly Trial[]>;
  /** Releases with updated and stable pods side by side. */
  readonly releases: readonly Release[];
}

/** Every set that is found in `dir`; without one, the samples of this repository. */
export function readSets(dir: string | undefined): Sets {
  if (dir === undefined)
    return { noise: new Map([['samples', readSamples()]]), labeled: new Map(), releases: [] };
  const [nab, microsoft, kontrast, changeRca] = [
    ...['NAB', 'cloud-monitoring-dataset', 'kontrast', 'ChangeRCA'],
  ].map((name) => join(dir, name));
  return {
    noise: new Map([
      ...found(microsoft, 'Microsoft, 1 min', readMicrosoft),
      ...found(nab, 'NAB, 5 min', readNab),
    ]),
    labeled: new Map(
      found(kontrast, 'Kontrast', (path) => (samples: number) => readKontrast(path, samples)),
    ),
    releases: found(changeRca, 'ChangeRCA', readChangeRca).flatMap(([, releases]) => releases),
  };
}

const found = <T>(
  path: string | undefined,
  name: string,
  read: (path: string) => T,
): (readonly [string, T])[] => (path !== undefined && existsSync(path) ? [[name, read(path)]] : []);
