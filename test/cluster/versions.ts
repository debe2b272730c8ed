// SPDX-License-Identifier: Apache-2.0

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The Go modules of the control plane. */
export const GO_DIR = fileURLToPath(new URL('go', import.meta.url));

/** The minor versions of Kubernetes that can be built. */
export const VERSIONS = ['1.30', '1.33', '1.36', '1.37'] as const;
export type Version = (typeof VERSIONS)[number];

/** Built from `go/go.mod`; every other version has a go.mod in a folder of `go/`. */
export const DEFAULT_VERSION: Version = '1.36';

/** The environment variable that passes the version to child processes such as test files. */
export const VERSION_VARIABLE = 'ALTERSHIELD_KUBERNETES';

/** `wanted`, else the version in the environment, else the default. Throws if it cannot be built. */
export function chooseVersion(wanted = process.env[VERSION_VARIABLE]): Version {
  if (wanted === undefined || wanted === '') return DEFAULT_VERSION;
  const version = VERSIONS.find((each) => each === wanted);
  if (version !== undefined) return version;
  throw new Error(`start Kubernetes ${wanted}: choose one of ${VERSIONS.join(', ')}`);
}

/** The path of the version's go.mod, relative to `go/`. */
export function modFile(version: Version): string {
  return version === DEFAULT_VERSION ? 'go.mod' : `${version}/go.mod`;
}

/** Whether only another version uses this file of `go/`. */
export function isForeign(name: string, version: Version): boolean {
  return VERSIONS.some((each) => each !== version && name.startsWith(`${each}/`));
}

/** The patch version in its go.mod, such as `v1.36.3`. */
export async function exactVersion(version: Version): Promise<string> {
  const mod = await readFile(join(GO_DIR, modFile(version)), 'utf8');
  const exact = /k8s\.io\/kubernetes (v[\d.]+)/.exec(mod)?.[1];
  if (exact?.startsWith(`v${version}.`) === true) return exact;
  throw new Error(`read ${GO_DIR}/${modFile(version)}: it names no k8s.io/kubernetes ${version}`);
}
