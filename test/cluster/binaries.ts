// SPDX-License-Identifier: Apache-2.0

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rename, rm, symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { build, type BuildOptions } from './go-build.ts';
import { isAlive, withLock } from './lock.ts';
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
  const cache = join(cacheHome(), 'altershield', 'cluster');
  const dir = join(cache, await sourceHash(version));
  if (!existsSync(dir)) await buildInto(cache, dir, { ...options, version });
  return withAssets(dir, process.env['KUBEBUILDER_ASSETS']);
}

interface VersionOptions extends BuildOptions {
  readonly version: Version;
}

async function buildInto(cache: string, dir: string, options: VersionOptions): Promise<void> {
  await mkdir(cache, { recursive: true });
  await withLock(`${dir}.lock`, options.log, async () => {
    if (existsSync(dir)) return;
    await removeOrphans(cache);
    const staging = await mkdtemp(join(cache, `building-${process.pid}-`));
    try {
      await buildAll(staging, options);
      await rename(staging, dir);
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
  });
}

/** Removes what builds that were killed have left. */
async function removeOrphans(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const pid = Number(/^building-(\d+)-/.exec(name)?.[1] ?? process.pid);
    if (!isAlive(pid)) await rm(join(cache, name), { recursive: true, force: true });
  }
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
      module: 'kwok',
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

function cacheHome(): string {
  return process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
}

async function sourceHash(version: Version): Promise<string> {
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}`);
  const all = await readdir(GO_DIR, { recursive: true });
  const names = all.filter((each) => /\.(go|mod|sum)$/.test(each) && !isForeign(each, version));
  for (const name of names.sort()) {
    hash.update(`\0${name}\0`).update(await readFile(join(GO_DIR, name)));
  }
  return hash.digest('hex').slice(0, 16);
}
