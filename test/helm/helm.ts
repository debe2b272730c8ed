// SPDX-License-Identifier: Apache-2.0

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { buildOnce, cacheFolder, sourceHash } from '../cluster/build-cache.ts';
import { build, type BuildOptions } from '../cluster/go-build.ts';

export const HELM_VERSIONS = [3, 4] as const;
export type HelmVersion = (typeof HELM_VERSIONS)[number];

/** Helm, built from its Go module on first use (minutes) into `$XDG_CACHE_HOME/altershield/helm`; gives its path. */
export async function findHelm(version: HelmVersion, options: BuildOptions): Promise<string> {
  const dir = fileURLToPath(new URL(`go${version}`, import.meta.url));
  const built = join(cacheFolder('helm'), `${version}-${await sourceHash(dir)}`);
  await buildOnce(built, options, async (staging) => {
    options.log(`building Helm ${version} from Go modules, once: this takes minutes`);
    const pkg = `helm.sh/helm/v${version}/cmd/helm`;
    await build({ what: `Helm ${version}`, dir, pkg, out: join(staging, 'helm') }, options);
  });
  return join(built, 'helm');
}

/** How a command of Helm ended. */
export interface HelmResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface HelmPlace {
  /** The program. */
  readonly path: string;
  /** A folder for what it caches. */
  readonly home: string;
  readonly kubeconfig: string;
  readonly namespace: string;
}

/** Runs Helm with a kubeconfig and nothing of the machine's own settings. */
export async function runHelm(place: HelmPlace, args: readonly string[]): Promise<HelmResult> {
  const { path, home, kubeconfig, namespace } = place;
  const child = spawn(path, [...args, '--kubeconfig', kubeconfig, '--namespace', namespace], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', HOME: home },
  });
  const closed = once(child, 'close');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  await closed;
  return { code: child.exitCode ?? -1, stdout, stderr };
}
