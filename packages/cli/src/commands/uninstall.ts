// SPDX-License-Identifier: Apache-2.0
import { ADAPTERS, isOver, phaseOf } from '@altershield/core';
import { ANNOTATIONS, OBJECT_NAMES } from '@altershield/api';
import { RESOURCES, isNotFound, type KubeObject, type APIResource } from '@altershield/kube';
import { targetName } from '../change.ts';
import {
  viewOf,
  withSession,
  type CommandContext,
  type GlobalOptions,
  type Session,
} from '../cli.ts';
import { listAll, listChanges } from '../cluster/records.ts';
import { resourceOf } from '../cluster/resources.ts';
import { waitUntil } from '../cluster/wait.ts';
import { CliError, EXIT } from '../exit.ts';
import { installManifests } from '../manifests/install.ts';
import { DEFAULT_OPTIONS, type Manifest } from '../manifests/manifest.ts';
import { plural } from '../render/text.ts';
import { existing, homeOf, isOurs, keyOfManifest } from './install.ts';

export interface UninstallOptions extends GlobalOptions {
  readonly force?: boolean;
  /** Delete the CRDs and the namespace too, and with them every policy and every record. */
  readonly crds?: boolean;
  /** How long to wait for the operator to stop. Seconds. */
  readonly timeout: number;
}

/** What the API server asks or evaluates for the operator: bindings before the policies they name. */
const ADMISSION: readonly (readonly [APIResource, string])[] = [
  [RESOURCES.mutatingWebhook, OBJECT_NAMES.webhooks],
  [RESOURCES.validatingWebhook, OBJECT_NAMES.webhooks],
  [RESOURCES.mutatingPolicyBinding, OBJECT_NAMES.clamp],
  [RESOURCES.mutatingPolicyBinding, OBJECT_NAMES.keep],
  [RESOURCES.validatingPolicyBinding, OBJECT_NAMES.clamp],
  [RESOURCES.mutatingPolicy, OBJECT_NAMES.clamp],
  [RESOURCES.mutatingPolicy, OBJECT_NAMES.keep],
  [RESOURCES.validatingPolicy, OBJECT_NAMES.clamp],
];

/**
 * `altershield uninstall`: admission first, so that no write waits for an operator that goes away;
 * then the operator, then what it might have written meanwhile, then the rest, last what came first.
 * Records stay with what makes them worth keeping: the CRDs, and the namespace with the key that
 * seals them and the policies for the whole cluster.
 */
export async function uninstall(cli: CommandContext, options: UninstallOptions): Promise<void> {
  const { namespace = DEFAULT_OPTIONS.namespace } = options;
  await withSession(cli, options, async (session) => {
    await rejectElsewhere(session, namespace);
    await rejectInFlight(cli, session, options);
    const run = { cli, session, namespace, timeoutMs: options.timeout * 1000 };
    const manifests = installManifests({ ...DEFAULT_OPTIONS, namespace }).toReversed();
    const of = (kind: string): Manifest[] => manifests.filter((each) => each.kind === kind);
    await deleteAdmission(run);
    for (const manifest of of('Deployment')) await stop(run, manifest);
    await deleteAdmission(run);
    for (const manifest of manifests.filter(isPlain)) await deleteOne(run, manifest);
    await deleteMade(
      run,
      [RESOURCES.lease, OBJECT_NAMES.lease],
      [RESOURCES.secret, OBJECT_NAMES.certificates],
    );
    if (options.crds === true) await deleteRecords(run, of);
    else await tellWhatStays(run, of);
  });
}

async function tellWhatStays(
  { cli, session: { client }, namespace }: Run,
  of: (kind: string) => Manifest[],
): Promise<void> {
  const [crd] = of('CustomResourceDefinition');
  const isLeft = crd !== undefined && (await existing(client, crd)) !== undefined;
  cli.io.err(
    isLeft
      ? `The CRDs and namespace ${namespace} stay, with all policies and records; --crds deletes them, too.`
      : 'The cluster has none of the CRDs, and so no policies and no records.',
  );
}

/** Half of what there is belongs to the cluster: it would be taken from an operator that goes on. */
async function rejectElsewhere({ client }: Session, namespace: string): Promise<void> {
  const home = await homeOf(client);
  if (home === undefined || home === namespace) return;
  throw new CliError(
    EXIT.notFound,
    `nothing was deleted: AlterShield is installed in namespace ${home}, not in ${namespace}`,
    `use \`-n ${home}\``,
  );
}

const isPlain = ({ kind }: Manifest): boolean =>
  !['CustomResourceDefinition', 'Deployment', 'Namespace'].includes(kind);

async function deleteRecords(run: Run, of: (kind: string) => Manifest[]): Promise<void> {
  for (const manifest of of('CustomResourceDefinition')) await deleteOne(run, manifest);
  await deleteMade(run, [RESOURCES.secret, OBJECT_NAMES.seal]);
  for (const manifest of of('Namespace')) await deleteNamespace(run, manifest);
}

/** What the operator made itself. */
async function deleteMade(
  run: Run,
  ...made: readonly (readonly [APIResource, string])[]
): Promise<void> {
  const { namespace } = run;
  for (const [resource, name] of made) await remove(run, resource, { namespace, name });
}

interface Run {
  readonly cli: CommandContext;
  readonly session: Session;
  readonly namespace: string;
  readonly timeoutMs: number;
}

const MEANS = 'docs/release-control.md tells what holds them';

/** Nothing holds a change any more when the clamp is deleted: all of it is released. */
async function rejectInFlight(
  cli: CommandContext,
  session: Session,
  options: UninstallOptions,
): Promise<void> {
  const held = await heldWorkloads(session);
  if (held.length === 0) return;
  const are = options.force === true ? 'are' : 'would be';
  cli.io.err(`Changes of these workloads are in flight, and ${are} released in full (${MEANS}):`);
  for (const line of held) cli.io.err(`  ${line}`);
  if (options.force === true) return;
  throw new CliError(
    EXIT.failed,
    `nothing was deleted: ${plural(held.length, 'change')} in flight`,
    'let them end, `altershield resume` or `altershield rollback` them, or use --force',
  );
}

async function heldWorkloads({ client }: Session): Promise<string[]> {
  const changes = await listChanges(client, {}).catch((error: unknown) => {
    // Without the CRDs there can be no record; annotations may still be left.
    if (error instanceof CliError) return [];
    throw error;
  });
  const moving = changes
    .filter((change) => !isOver(phaseOf(change)))
    .map((change) => [where(change, targetName(change.spec.target)), phaseOf(change)] as const);
  const found = await Promise.all(
    ADAPTERS.map(async ({ descriptor: { resource, cliNames } }) =>
      (await listAll<Workload>(client, resource, {}))
        .filter(isHeld)
        .map(
          (object) => [where(object, `${cliNames[0]}/${object.metadata.name}`), 'held'] as const,
        ),
    ),
  );
  const annotated = found.flat();
  return [...new Map([...annotated, ...moving])].map(([name, state]) => `${name}: ${state}`);
}

interface Workload extends KubeObject {
  readonly spec?: { readonly replicas?: number };
  readonly status?: { readonly updatedReplicas?: number };
}

/**
 * Whether a workload has pods of another revision to come, or has fields of its user borrowed.
 * Where a policy wants it, the target is `-` at rest, too.
 */
function isHeld({ metadata, spec, status }: Workload): boolean {
  const { [ANNOTATIONS.release]: release = '', [ANNOTATIONS.hold]: hold } =
    metadata.annotations ?? {};
  const [, target = ''] = release.split('/');
  if (target !== '-') return target !== '' || hold !== undefined;
  return (status?.updatedReplicas ?? 0) !== (spec?.replicas ?? 1);
}

const where = ({ metadata }: Pick<KubeObject, 'metadata'>, name: string): string =>
  `${name} in ${metadata.namespace ?? 'default'}`;

async function deleteAdmission(run: Run): Promise<void> {
  for (const [resource, name] of ADMISSION) await remove(run, resource, { namespace: '', name });
}

/** Deletes the operator's Deployment and waits until its pods are gone: they rewrite webhooks. */
async function stop(run: Run, manifest: Manifest): Promise<void> {
  const { client } = run.session;
  const found = await existing(client, manifest);
  if (found === undefined) return;
  const resource = resourceOf(manifest);
  await client.delete(resource, keyOfManifest(manifest), { propagationPolicy: 'Foreground' });
  report(run.cli, resource, manifest.metadata.name);
  run.cli.io.err('waiting for the operator to stop …');
  const { scheduler } = run.cli;
  const gone = { client, scheduler, resource, until: () => false, timeoutMs: run.timeoutMs };
  await waitUntil(found, gone);
  if ((await existing(client, manifest)) === undefined) return;
  run.cli.io.err('The operator still stops; going on.');
}

const deleteOne = (run: Run, manifest: Manifest): Promise<void> =>
  remove(run, resourceOf(manifest), keyOfManifest(manifest));

/** A namespace that was there before us may have other tenants. */
async function deleteNamespace(run: Run, manifest: Manifest): Promise<void> {
  const found = await existing(run.session.client, manifest);
  if (found === undefined) return;
  if (isOurs(found)) await deleteOne(run, manifest);
  else run.cli.io.err(`The namespace ${manifest.metadata.name} was not made by us; it stays.`);
}

async function remove(
  { cli, session: { client } }: Run,
  resource: APIResource,
  key: { namespace: string; name: string },
): Promise<void> {
  try {
    await client.delete(resource, key, { propagationPolicy: 'Background' });
    report(cli, resource, key.name);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

const report = (cli: CommandContext, { kind }: APIResource, name: string): void => {
  cli.io.out(`${kind.toLowerCase()}/${name} ${viewOf(cli).paint('good', 'deleted')}`);
};
