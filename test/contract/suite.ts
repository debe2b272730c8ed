// SPDX-License-Identifier: Apache-2.0

import { admission } from './admission.ts';
import { capMoves } from './cap-moves.ts';
import { caps } from './caps.ts';
import { cronJobBehaviors } from './cron-jobs.ts';
import { custom } from './custom.ts';
import { denials } from './denials.ts';
import { daemonSets } from './daemon-sets.ts';
import { deployments } from './deployments.ts';
import { jobBehaviors } from './jobs.ts';
import { podScenarios } from './pod-scenarios.ts';
import { ownership } from './ownership.ts';
import { reading } from './reading.ts';
import { releases } from './releases.ts';
import { scaling } from './scaling.ts';
import { statefulReleases } from './stateful-releases.ts';
import { statefulSets } from './stateful-sets.ts';
import type { Behavior } from './target.ts';
import { writing } from './writing.ts';

/** Everything of Kubernetes that the sandbox imitates and the product relies on, by topic. */
export const CONTRACT: Readonly<Record<string, readonly Behavior[]>> = {
  // First: the slowest is in there.
  denials,
  reading,
  writing,
  ownership,
  deployments,
  releases,
  scaling,
  caps,
  'moves under a cap': capMoves,
  'stateful sets': statefulSets,
  'releases of stateful sets': statefulReleases,
  'daemon sets': daemonSets,
  jobs: jobBehaviors,
  'cron jobs': cronJobBehaviors,
  admission,
  'custom resources': custom,
  'fates of pods': podScenarios,
};
