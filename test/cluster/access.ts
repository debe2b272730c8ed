// SPDX-License-Identifier: Apache-2.0

import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { once } from 'node:events';
import { callApi, type ApiCall, type Endpoint } from './api.ts';
import { readAudit, type AuditEntry, type AuditFilter } from './audit.ts';
import { editorBinding, mayEdit, namespaceObject } from './objects.ts';
import type { UserName } from './users.ts';

/** How `kubectl` ended. */
export interface KubectlResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface KubectlOptions {
  /** Defaults to `admin`. */
  readonly user?: UserName;
  /** Standard input. */
  readonly input?: string;
  /** What `kubectl edit` runs with the name of a file. */
  readonly editor?: string;
}

/** A cluster as its users see it. */
export interface ClusterAccess {
  readonly url: string;
  readonly caPem: string;
  /** Where the cluster's files lie. */
  readonly dir: string;
  /** A kubectl of the server's version. */
  readonly kubectlPath: string;
  /** The path of a user's kubeconfig. */
  kubeconfig(user: UserName): string;
  /** What a raw request of a user needs. */
  endpoint(user: UserName): Endpoint;
  /** A JSON request, the administrator's unless told. */
  call(call: ApiCall, user?: UserName): Promise<unknown>;
  kubectl(args: readonly string[], options?: KubectlOptions): Promise<KubectlResult>;
  /** A namespace in which the developer and the GitOps robot may edit. */
  createNamespace(name: string, labels?: Readonly<Record<string, string>>): Promise<void>;
  /** The API writes (with `reads`, the operator's reads too) as the API server recorded them. */
  auditWrites(filter?: AuditFilter): Promise<AuditEntry[]>;
  /** Applies the permissions that we ship, so that the operator has these and no others. */
  grantOperator(rbacYamlPath: string): Promise<void>;
}

/** What `ClusterAccess` is made from. */
export interface AccessParts {
  readonly dir: string;
  readonly kubectlPath: string;
  readonly kubeconfig: (user: UserName) => string;
  readonly endpoint: (user: UserName) => Endpoint;
  /** The API server's audit log, where it can be read. */
  readonly auditLog?: string;
}

export function clusterAccess(parts: AccessParts): ClusterAccess {
  const admin = parts.endpoint('admin');
  const access: ClusterAccess = {
    url: admin.url,
    caPem: admin.caPem ?? '',
    dir: parts.dir,
    kubectlPath: parts.kubectlPath,
    kubeconfig: parts.kubeconfig,
    endpoint: parts.endpoint,
    call: (call, user = 'admin') => callApi(parts.endpoint(user), call),
    kubectl: (args, options = {}) => runKubectl(parts, args, options),
    createNamespace: (name, labels = {}) => createNamespace(admin, name, labels),
    auditWrites: (filter = {}) => {
      if (parts.auditLog !== undefined) return readAudit(parts.auditLog, filter);
      throw new Error('read the audit log: only a cluster that this project started has one');
    },
    grantOperator: async (path) => {
      const { code, stderr } = await access.kubectl(['apply', '--server-side', '-f', path]);
      if (code !== 0) throw new Error(`grant the operator the permissions of ${path}: ${stderr}`);
    },
  };
  return access;
}

const GRANTED_MS = 10_000;

async function createNamespace(
  admin: Endpoint,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<void> {
  const namespace = namespaceObject(name, labels);
  await callApi(admin, { method: 'POST', path: '/api/v1/namespaces', body: namespace });
  await callApi(admin, editorBinding(name));
  // The API server learns of the binding by a watch of its own.
  const deadline = performance.now() + GRANTED_MS;
  while (!isAllowed(await callApi(admin, mayEdit(name)))) {
    if (performance.now() > deadline) {
      throw new Error(
        `let the developer edit in namespace ${name}: not granted in ${GRANTED_MS} ms`,
      );
    }
    await sleep(20);
  }
}

const isAllowed = (review: unknown): boolean =>
  (review as { readonly status: { readonly allowed: boolean } }).status.allowed;

async function runKubectl(
  parts: AccessParts,
  args: readonly string[],
  { user = 'admin', input, editor }: KubectlOptions,
): Promise<KubectlResult> {
  const child = spawn(parts.kubectlPath, args, {
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: parts.dir,
      KUBECONFIG: parts.kubeconfig(user),
      ...(editor === undefined ? {} : { KUBE_EDITOR: editor }),
    },
  });
  child.stdin.on('error', () => undefined).end(input);
  const closed = once(child, 'close');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  await closed;
  return { code: child.exitCode ?? -1, stdout, stderr };
}
