// SPDX-License-Identifier: Apache-2.0
import type { ChangePolicySpec } from '@altershield/api';
import { batchesOf, canaryPods, type Strategy } from '@altershield/core';

type Release = ChangePolicySpec['release'];

/** The steps of a release as its policy writes them: `1`, `30%(pause)`, `100%`. */
export function stepTexts(
  release: Release,
  strategy: Strategy = release.strategy ?? 'Batch',
): string[] {
  const pauses = (release.steps ?? []).filter(({ pauseAfter }) => pauseAfter === true);
  return namesOf(release, strategy).map((name, i) =>
    pauses.some(({ step }) => step === i + 1) ? `${name}(pause)` : String(name),
  );
}

function namesOf(release: Release, strategy: Strategy): readonly (number | string)[] {
  switch (strategy) {
    case 'Batch':
      return release.topologyKey === undefined ? batchesOf(release) : [`by ${release.topologyKey}`];
    case 'Canary':
      return [canaryPods(release), '100%'];
    case 'BlueGreen':
      return ['beside', 'switch'];
    case 'Rolling':
      return [];
  }
}
