// SPDX-License-Identifier: Apache-2.0
import { stringify } from 'yaml';
import { crds } from './crds.ts';
import type { InstallOptions, Manifest } from './manifest.ts';
import { rbac } from './rbac.ts';
import { namespace, workload } from './workload.ts';

/** Everything that `altershield install` applies, in the order in which it must be applied. */
export const installManifests = (options: InstallOptions): Manifest[] => [
  ...crds(),
  namespace(options),
  ...rbac(options),
  ...workload(options),
];

/** The permissions alone, with the namespace that they need. */
export const rbacManifests = (options: InstallOptions): Manifest[] => [
  namespace(options),
  ...rbac(options),
];

/** Several objects as one YAML stream. */
export const toYaml = (objects: readonly unknown[]): string =>
  objects
    .map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }))
    .join('---\n');
