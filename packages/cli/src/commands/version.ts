// SPDX-License-Identifier: Apache-2.0
import { OBJECT_NAMES } from '@altershield/api';
import { RESOURCES, isNotFound, type KubeObject, type Lease } from '@altershield/kube';
import { withSession, type CommandContext, type GlobalOptions, type Session } from '../cli.ts';
import { clampForm } from '../cluster/clamp.ts';
import { toCliError } from '../failure.ts';
import { DEFAULT_OPTIONS, NAME } from '../manifests/manifest.ts';
import { structured, type Format } from '../render/structured.ts';
import { printable } from '../render/style.ts';
import { RELEASE } from '../version.ts';

export interface VersionOptions extends GlobalOptions {
  readonly output?: Format;
}

interface Versions {
  readonly client: string;
  /** Of the API server; absent when it cannot be reached. */
  readonly server?: string;
  /** The operator's image and ready replicas, or the leader outside of the cluster; absent: none. */
  readonly operator?: string;
  /** How changes in flight are held while no operator runs. */
  readonly clamp?: string;
  /** Why server or operator are absent. */
  readonly problem?: string;
}

/** `altershield version`. Also succeeds without a cluster. */
export async function version(cli: CommandContext, options: VersionOptions): Promise<void> {
  const { namespace = DEFAULT_OPTIONS.namespace } = options;
  const found = await withSession(cli, options, (session) =>
    ask(session, namespace, cli.scheduler.now()),
  ).catch((error: unknown) => ({ problem: toCliError(error).message }));
  const versions: Versions = { client: RELEASE, ...found };
  if (options.output !== undefined) cli.io.out(structured(options.output, versions));
  else cli.io.out(text(printable(versions)).join('\n'));
}

const text = ({ client, server, operator, clamp, problem }: Versions): string[] => [
  `client    ${client}`,
  ...(server === undefined ? [] : [`server    Kubernetes ${server}`]),
  ...(operator === undefined ? [] : [`operator  ${operator}`]),
  ...(clamp === undefined ? [] : [`clamp     ${clamp}`]),
  ...(problem === undefined ? [] : [`problem   ${problem}`]),
];

async function ask(
  { client }: Session,
  namespace: string,
  now: number,
): Promise<Omit<Versions, 'client'>> {
  const server = gitVersion(await client.raw('GET', '/version'));
  try {
    const operator = await operatorOf(client, namespace, now);
    if (operator === undefined) return { server, problem: `no operator in namespace ${namespace}` };
    const clamp = await clampForm(client);
    return { server, operator, ...(clamp === undefined ? {} : { clamp }) };
  } catch (error) {
    return { server, problem: `operator: ${toCliError(error).message}` };
  }
}

async function operatorOf(
  client: Session['client'],
  namespace: string,
  now: number,
): Promise<string | undefined> {
  const installed = await orNone(
    client.get<Operator>(RESOURCES.deployment, { namespace, name: NAME }),
  );
  if (installed !== undefined) return operatorText(installed);
  const lease = await orNone(
    client.get<Lease>(RESOURCES.lease, { namespace, name: OBJECT_NAMES.lease }),
  );
  const leader = leaderOf(lease, now);
  return leader === undefined ? undefined : `${leader} (not installed in the cluster)`;
}

async function orNone<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** The current leader: an operator may run outside of the cluster. */
function leaderOf(lease: Lease | undefined, now: number): string | undefined {
  const { holderIdentity = '', renewTime = '', leaseDurationSeconds = 0 } = lease?.spec ?? {};
  const isHeld = Date.parse(renewTime) + leaseDurationSeconds * 1000 > now;
  return isHeld && holderIdentity !== '' ? holderIdentity : undefined;
}

const gitVersion = (answer: unknown): string =>
  typeof answer === 'object' && answer !== null && 'gitVersion' in answer
    ? String(answer.gitVersion)
    : 'of unknown version';

interface Operator extends KubeObject {
  readonly spec: {
    readonly replicas: number;
    readonly template: { readonly spec: { readonly containers: readonly { image: string }[] } };
  };
  readonly status?: { readonly readyReplicas?: number };
}

function operatorText({ spec, status }: Operator): string {
  const image = spec.template.spec.containers[0]?.image ?? '?';
  return `${image} (${status?.readyReplicas ?? 0} of ${spec.replicas} ready)`;
}
