// SPDX-License-Identifier: Apache-2.0
/** The command line, and the manifests that it installs. */
export { cliPage } from './reference.ts';
export { run } from './run.ts';
export type { CommandContext } from './cli.ts';
export { RELEASE } from './version.ts';
export { crds } from './manifests/crds.ts';
export { installManifests, rbacManifests, toYaml } from './manifests/install.ts';
export { DEFAULT_OPTIONS, type InstallOptions, type Manifest } from './manifests/manifest.ts';
