// SPDX-License-Identifier: Apache-2.0

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** One request, as the API server recorded it when it was answered. */
export interface AuditEntry {
  readonly at: Date;
  readonly user: string;
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly status: number;
  readonly userAgent: string;
}

/** Which requests to give; all when empty. */
export interface AuditFilter {
  readonly user?: string;
  readonly namespace?: string;
  /** Only requests answered after this moment. */
  readonly since?: Date;
  /** Reads as well; recorded for the operator only. */
  readonly reads?: boolean;
}

const READ_VERBS = ['get', 'list', 'watch'];

/** Records all writes of all users, and all requests of one user. */
export function auditPolicy(userWithReads: string): unknown {
  return {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived', 'ResponseStarted'],
    rules: [
      { level: 'Metadata', users: [userWithReads] },
      { level: 'None', verbs: READ_VERBS },
      { level: 'Metadata' },
    ],
  };
}

/** The requests in an audit log that pass the filter, in the order of their answers. */
export async function readAudit(file: string, filter: AuditFilter): Promise<AuditEntry[]> {
  if (!existsSync(file)) return [];
  const log = await readFile(file, 'utf8');
  // The last line may be half written.
  const lines = log
    .slice(0, log.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(Boolean);
  return lines.map(parseEntry).filter((entry) => passes(entry, filter));
}

function passes(
  entry: AuditEntry,
  { user, namespace, since, reads = false }: AuditFilter,
): boolean {
  return (
    (user === undefined || entry.user === user) &&
    (namespace === undefined || entry.namespace === namespace) &&
    (since === undefined || entry.at > since) &&
    (reads || !READ_VERBS.includes(entry.verb))
  );
}

interface RawEntry {
  readonly stageTimestamp: string;
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly userAgent?: string;
  readonly responseStatus?: { readonly code?: number };
  readonly objectRef?: ObjectRef;
}

type ObjectRef = Partial<
  Record<'apiGroup' | 'resource' | 'subresource' | 'namespace' | 'name', string>
>;

function parseEntry(line: string): AuditEntry {
  const raw = JSON.parse(line) as RawEntry;
  return {
    at: new Date(raw.stageTimestamp),
    user: raw.user.username,
    verb: raw.verb,
    ...parseObject(raw.objectRef ?? {}),
    status: raw.responseStatus?.code ?? 0,
    userAgent: raw.userAgent ?? '',
  };
}

type AuditedObject = Pick<AuditEntry, 'group' | 'resource' | 'subresource' | 'namespace' | 'name'>;

function parseObject(ref: ObjectRef): AuditedObject {
  const { apiGroup = '', resource = '', subresource = '', namespace = '', name = '' } = ref;
  return { group: apiGroup, resource, subresource, namespace, name };
}
