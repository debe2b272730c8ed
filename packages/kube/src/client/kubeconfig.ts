// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { realScheduler, type Scheduler } from '../runtime/scheduler.ts';
import { isJsonObject } from './body.ts';
import { ConfigError, type ConnectionConfig } from './connection.ts';
import { connectionOf, type Entry, type Kubeconfig } from './kubeconfig-entries.ts';

export interface KubeconfigOptions {
  /** Default: every file of `KUBECONFIG`, else `~/.kube/config`. */
  readonly path?: string | undefined;
  /** Default: the file's `current-context`. */
  readonly context?: string | undefined;
  /** Default: the process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly scheduler?: Scheduler | undefined;
}

/** Throws a `ConfigError` with the file, the entry and a hint. */
export async function loadKubeconfig(options: KubeconfigOptions = {}): Promise<ConnectionConfig> {
  const { path, context, env = process.env, scheduler = realScheduler } = options;
  const paths = path === undefined ? defaultPaths(env) : [path];
  const kubeconfig = await readKubeconfig(paths, path !== undefined || paths.length === 1);
  return connectionOf(kubeconfig, context ?? kubeconfig.currentContext, scheduler);
}

/** The kubeconfig files that the environment names. */
export function defaultPaths(env: Readonly<Record<string, string | undefined>>): string[] {
  const named = (env['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '');
  return named.length > 0 ? named : [join(homedir(), '.kube', 'config')];
}

async function readKubeconfig(paths: readonly string[], mustExist: boolean): Promise<Kubeconfig> {
  const read = await Promise.all(paths.map((path) => readOne(path, mustExist)));
  const documents = read.filter((document) => document !== undefined);
  const files = paths.map((path) => `"${path}"`).join(', ');
  if (documents.length === 0) throw new ConfigError(`read the kubeconfig: none of ${files} exists`);
  return {
    files,
    currentContext: documents.map((d) => d.currentContext).find((name) => name !== '') ?? '',
    contexts: merge(documents.map((d) => d.contexts)),
    clusters: merge(documents.map((d) => d.clusters)),
    users: merge(documents.map((d) => d.users)),
  };
}

async function readOne(path: string, mustExist: boolean): Promise<Kubeconfig | undefined> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    if (!mustExist && isMissing(cause)) return undefined;
    const why = isMissing(cause) ? 'no such file' : String(cause);
    const hint = 'give the path of a kubeconfig, or set KUBECONFIG';
    throw new ConfigError(`read the kubeconfig "${path}": ${why}; ${hint}`, { cause });
  });
  if (text === undefined) return undefined;
  // Loaded here: in a cluster there is no kubeconfig, and it takes two megabytes.
  const { default: yaml } = await import('yaml');
  return parseOne(path, text, yaml.parse);
}

const isMissing = (error: unknown): boolean => isJsonObject(error) && error['code'] === 'ENOENT';

function parseOne(path: string, text: string, parse: (yaml: string) => unknown): Kubeconfig {
  let document: unknown;
  try {
    document = parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`read the kubeconfig "${path}": invalid YAML: ${why}`, { cause });
  }
  if (!isJsonObject(document)) {
    const what = text.trim() === '' ? 'it is empty' : 'it is not a kubeconfig';
    throw new ConfigError(`read the kubeconfig "${path}": ${what}`);
  }
  const current = document['current-context'];
  const base = dirname(resolve(path));
  return {
    files: path,
    currentContext: typeof current === 'string' ? current : '',
    contexts: named(document['contexts'], 'context', base),
    clusters: named(document['clusters'], 'cluster', base),
    users: named(document['users'], 'user', base),
  };
}

/** Files that an entry names are relative to the file it stands in. */
const PATH_FIELDS = ['certificate-authority', 'client-certificate', 'client-key', 'tokenFile'];

function named(list: unknown, field: string, base: string): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const item of Array.isArray(list) ? (list as unknown[]) : []) {
    if (!isJsonObject(item) || typeof item['name'] !== 'string') continue;
    const entry = item[field];
    entries.set(item['name'], isJsonObject(entry) ? withPaths(entry, base) : {});
  }
  return entries;
}

function withPaths(entry: Entry, base: string): Entry {
  const absolute = Object.entries(entry).map(([name, value]) =>
    PATH_FIELDS.includes(name) && typeof value === 'string' && value !== '' && !isAbsolute(value)
      ? [name, join(base, value)]
      : [name, value],
  );
  const exec = entry['exec'];
  return Object.fromEntries([
    ...absolute,
    ...(isJsonObject(exec) ? [['exec', withCommand(exec, base)]] : []),
  ]) as Entry;
}

/** A plug-in's command with a slash in it is a file; without, it is looked up on the PATH. */
function withCommand(exec: Entry, base: string): Entry {
  const { command } = exec;
  const isFile = typeof command === 'string' && command.includes('/') && !isAbsolute(command);
  return isFile ? { ...exec, command: join(base, command) } : exec;
}

function merge(maps: readonly ReadonlyMap<string, Entry>[]): Map<string, Entry> {
  return new Map([...maps].reverse().flatMap((map) => [...map]));
}
