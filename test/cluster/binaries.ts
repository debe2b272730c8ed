// SPDX-License-Identifier: Apache-2.0

import { existsSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { buildOnce, cacheFolder, sourceHash } from './build-cache.ts';
import { build, type BuildOptions } from './go-build.ts';
import {
  GO_DIR,
  chooseVersion,
  exactVersion,
  isForeign,
  modFile,
  type Version,
} from './versions.ts';

const PARTS = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubectl',
] as const;

/** Where each program of a control plane lies. */
export type Binaries = Readonly<Record<(typeof PARTS)[number] | 'kwok' | 'leash', string>>;

/**
 * The programs of a control plane, built on first use (minutes) and cached outside the work tree, in
 * `$XDG_CACHE_HOME/altershield/cluster`. Programs found in `$KUBEBUILDER_ASSETS` are taken from there.
 */
export async function findBinaries(
  options: BuildOptions,
  version: Version = chooseVersion(),
): Promise<Binaries> {
  const hash = await sourceHash(GO_DIR, (name) => !isForeign(name, version));
  const dir = join(cacheFolder('cluster'), hash);
  await buildOnce(dir, options, (staging) => buildAll(staging, { ...options, version }));
  return withAssets(dir, process.env['KUBEBUILDER_ASSETS']);
}

interface VersionOptions extends BuildOptions {
  readonly version: Version;
}

async function buildAll(dir: string, options: VersionOptions): Promise<void> {
  const version = await exactVersion(options.version);
  const modfile = modFile(options.version);
  options.log(`building Kubernetes ${version} from Go modules, once: this takes minutes`);
  await build({ what: 'the leash', pkg: './leash', out: join(dir, 'leash') }, options);
  await build(
    { what: 'the control plane', pkg: '.', modfile, out: join(dir, 'control-plane'), version },
    options,
  );
  await build(
    {
      what: 'kwok',
      dir: join(GO_DIR, 'kwok'),
      pkg: 'sigs.k8s.io/kwok/cmd/kwok',
      out: join(dir, 'kwok'),
    },
    options,
  );
  await Promise.all(PARTS.map((part) => symlink('control-plane', join(dir, part))));
}

function withAssets(dir: string, assets: string | undefined): Binaries {
  const find = (name: string): string => {
    const given = assets === undefined ? undefined : join(assets, name);
    return given !== undefined && existsSync(given) ? given : join(dir, name);
  };
  return {
    etcd: find('etcd'),
    'kube-apiserver': find('kube-apiserver'),
    'kube-controller-manager': find('kube-controller-manager'),
    'kube-scheduler': find('kube-scheduler'),
    kubectl: find('kubectl'),
    kwok: find('kwok'),
    leash: join(dir, 'leash'),
  };
}
