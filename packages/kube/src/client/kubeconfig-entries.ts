// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import type { Scheduler } from '../runtime/scheduler.ts';
import { isJsonObject } from './body.ts';
import {
  ConfigError,
  fixedCredentials,
  type ClientCertificate,
  type ConnectionConfig,
  type CredentialSource,
  type Credentials,
} from './connection.ts';
import { ExecCredentials, type ExecPlugin } from './exec-plugin.ts';
import { TokenFile } from './token-file.ts';

export type Entry = Readonly<Record<string, unknown>>;

/** All entries of the files by name; the first file that has a name wins, as kubectl merges. */
export interface Kubeconfig {
  readonly files: string;
  readonly currentContext: string;
  readonly contexts: ReadonlyMap<string, Entry>;
  readonly clusters: ReadonlyMap<string, Entry>;
  readonly users: ReadonlyMap<string, Entry>;
}

/** Follows a context to its cluster and user. Reads the files they name. */
export async function connectionOf(
  kubeconfig: Kubeconfig,
  contextName: string,
  scheduler: Scheduler,
): Promise<ConnectionConfig> {
  const context = contextOf(kubeconfig, contextName);
  const at = `kubeconfig ${kubeconfig.files}, context "${contextName}"`;
  const cluster = follow(kubeconfig.clusters, text(context, 'cluster'), `${at}: cluster`);
  const userName = text(context, 'user');
  const user = userName === '' ? {} : follow(kubeconfig.users, userName, `${at}: user`);
  const ca = await pem(cluster, 'certificate-authority', at);
  const namespace = text(context, 'namespace');
  const serverName = text(cluster, 'tls-server-name');
  if (text(cluster, 'proxy-url') !== '') {
    throw new ConfigError(`${at}: "proxy-url" is not supported; connect without a proxy`);
  }
  return {
    server: serverOf(cluster, at),
    credentials: await credentialsOf({ user, cluster, ca, at, scheduler }),
    headers: impersonation(user),
    ...(ca !== undefined && { ca }),
    ...(serverName !== '' && { tlsServerName: serverName }),
    ...(namespace !== '' && { namespace }),
    ...(cluster['insecure-skip-tls-verify'] === true && { insecureSkipTlsVerify: true }),
  };
}

function contextOf({ contexts, files }: Kubeconfig, name: string): Entry {
  const known = [...contexts.keys()].map((known) => `"${known}"`).join(', ') || 'none';
  if (name === '') {
    throw new ConfigError(
      `kubeconfig ${files}: it names no current context; choose one of: ${known}`,
    );
  }
  const context = contexts.get(name);
  if (context !== undefined) return context;
  throw new ConfigError(`kubeconfig ${files}: no context "${name}"; known: ${known}`);
}

function follow(entries: ReadonlyMap<string, Entry>, name: string, at: string): Entry {
  const entry = entries.get(name);
  if (entry !== undefined) return entry;
  const known = [...entries.keys()].map((known) => `"${known}"`).join(', ') || 'none';
  throw new ConfigError(`${at} "${name}" is not in the file; known: ${known}`);
}

function serverOf(cluster: Entry, at: string): string {
  const server = text(cluster, 'server');
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return server.replace(/\/+$/, '');
  throw new ConfigError(`${at}: the cluster's server "${server}" is not an http(s) URL`);
}

interface UserFacts {
  readonly user: Entry;
  readonly cluster: Entry;
  readonly ca: string | undefined;
  readonly at: string;
  readonly scheduler: Scheduler;
}

async function credentialsOf(facts: UserFacts): Promise<CredentialSource> {
  const { user, at, scheduler } = facts;
  if (user['auth-provider'] !== undefined) {
    throw new ConfigError(
      `${at}: "auth-provider" is no longer part of Kubernetes; use an exec plug-in instead`,
    );
  }
  const clientCertificate = await clientCertificateOf(user, at);
  const rest: Credentials = clientCertificate === undefined ? {} : { clientCertificate };
  const tokenFile = text(user, 'tokenFile');
  if (tokenFile !== '') return new TokenFile(tokenFile, rest, scheduler);
  const token = text(user, 'token');
  if (token !== '') return fixedCredentials({ ...rest, token });
  const { exec } = user;
  if (isJsonObject(exec)) return new ExecCredentials(pluginOf(exec, facts), scheduler);
  return fixedCredentials(rest);
}

async function clientCertificateOf(
  user: Entry,
  at: string,
): Promise<ClientCertificate | undefined> {
  const certificate = await pem(user, 'client-certificate', at);
  const key = await pem(user, 'client-key', at);
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate !== undefined && key !== undefined) return { certificate, key };
  const missing = certificate === undefined ? 'client-certificate' : 'client-key';
  throw new ConfigError(`${at}: the user has no "${missing}"; certificate and key go together`);
}

/** `{field}-data` (base64) wins over the file `{field}`. */
async function pem(entry: Entry, field: string, at: string): Promise<string | undefined> {
  const data = text(entry, `${field}-data`);
  if (data !== '') return Buffer.from(data, 'base64').toString('utf8');
  const path = text(entry, field);
  if (path === '') return undefined;
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new ConfigError(`${at}: the file "${path}" of "${field}" cannot be read`, { cause });
  });
}

const EXEC_VERSIONS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];

function pluginOf(exec: Entry, { cluster, ca, at }: UserFacts): ExecPlugin {
  const apiVersion = text(exec, 'apiVersion');
  const command = text(exec, 'command');
  const hint = text(exec, 'installHint');
  if (!EXEC_VERSIONS.includes(apiVersion)) {
    const known = EXEC_VERSIONS.join(', ');
    throw new ConfigError(
      `${at}: exec apiVersion "${apiVersion}" is unknown; use one of: ${known}`,
    );
  }
  if (command === '') throw new ConfigError(`${at}: exec.command is empty`);
  if (exec['interactiveMode'] === 'Always') {
    throw new ConfigError(
      `${at}: exec plug-in "${command}" needs a terminal, which is not supported`,
    );
  }
  return {
    apiVersion,
    command,
    args: list(exec['args']).map(String),
    env: envOf(exec['env']),
    ...(hint !== '' && { installHint: hint }),
    ...(exec['provideClusterInfo'] === true && { cluster: clusterInfo(cluster, ca) }),
  };
}

const EXEC_EXTENSION = 'client.authentication.k8s.io/exec';

/** In the form of the exec protocol: data instead of files, and the plug-in's own extension. */
function clusterInfo(cluster: Entry, ca: string | undefined): Entry {
  const { extensions, ['certificate-authority']: _file, ...info } = cluster;
  const ours = list(extensions).find((it) => isJsonObject(it) && it['name'] === EXEC_EXTENSION);
  return {
    ...info,
    ...(ca !== undefined && { 'certificate-authority-data': Buffer.from(ca).toString('base64') }),
    ...(isJsonObject(ours) && { config: ours['extension'] }),
  };
}

function envOf(env: unknown): Record<string, string> {
  const pairs = list(env).filter((entry) => isJsonObject(entry));
  return Object.fromEntries(pairs.map((entry) => [text(entry, 'name'), text(entry, 'value')]));
}

function impersonation(user: Entry): Record<string, string | string[]> {
  const [as, uid] = [text(user, 'as'), text(user, 'as-uid')];
  const groups = list(user['as-groups']).map(String);
  const extra = isJsonObject(user['as-user-extra']) ? user['as-user-extra'] : {};
  return {
    ...(as !== '' && { 'impersonate-user': as }),
    ...(uid !== '' && { 'impersonate-uid': uid }),
    ...(groups.length > 0 && { 'impersonate-group': groups }),
    ...Object.fromEntries(
      Object.entries(extra).map(([key, values]) => [
        `impersonate-extra-${inHeaderName(key)}`,
        list(values).map(String),
      ]),
    ),
  };
}

/** Percent-encodes characters that a header name must not contain. */
const inHeaderName = (key: string): string =>
  key
    .toLowerCase()
    .replace(/[^a-z0-9!#$&'*+.^_`|~-]/gu, (letter) =>
      Buffer.from(letter).toString('hex').replace(/../g, '%$&').toUpperCase(),
    );

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

const text = (entry: Entry, field: string): string => {
  const value = entry[field];
  return typeof value === 'string' ? value : '';
};
