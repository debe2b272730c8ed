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
import { restoreTraffic } from '../cluster/traffic.ts';
import { waitUntil } from '../cluster/wait.ts';
import { CliError, EXIT } from '../exit.ts';
import { installManifests } from '../manifests/install.ts';
import { DEFAULT_OPTIONS, type Manifest } from '../manifests/manifest.ts';
import { plural } from '../render/text.ts';
import { existing, homeOf, isOurs, keyOfManifest } from './install.ts';

export interface UninstallOptions extends GlobalOptions {
  readonly force?: boolean;
  /** Also delete the CRDs and the namespace, with every policy and every record. */
  readonly crds?: boolean;
  /** How long to wait for the operator to stop. Seconds. */
  readonly timeout: number;
}

/** Webhooks and admission policies of the operator: bindings before the policies they name. */
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
 * `altershield uninstall`: deletes admission first, so that no write waits for a stopped operator;
 * then the operator, then objects that it wrote meanwhile; then it restores the Services that send
 * requests to one revision, because no operator would switch them any more; then the rest in reverse
 * order of the installation. Records stay, with the CRDs and the namespace: it contains the signing
 * key of the records and the policies for the whole cluster.
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
    await restoreRouting(run);
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
      ? `The CRDs and namespace ${namespace} stay, with all policies and records. Run with --crds to delete them.`
      : 'The CRDs are not installed, so there are no policies or records to keep.',
  );
}

/** Half of the objects are cluster-scoped: deleting them would break an operator elsewhere. */
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

/** Objects that the operator created itself. */
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

const MEANS = 'docs/release-control.md explains how they are held';

/** Without the clamp every held change is released at once. */
async function rejectInFlight(
  cli: CommandContext,
  session: Session,
  options: UninstallOptions,
): Promise<void> {
  const held = await heldWorkloads(session);
  if (held.length === 0) return;
  const are = options.force === true ? 'are' : 'would be';
  cli.io.err(`Changes of these workloads are in progress and ${are} released in full (${MEANS}):`);
  for (const line of held) cli.io.err(`  ${line}`);
  if (options.force === true) return;
  throw new CliError(
    EXIT.failed,
    `nothing was deleted: ${plural(held.length, 'change')} in flight`,
    'wait for them, run `altershield resume` or `altershield rollback`, or use --force',
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
 * If a policy requires it, the target is also `-` at rest.
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

/** A failure is reported with the remaining steps, and does not stop the uninstallation. */
async function restoreRouting({ cli, session: { client } }: Run): Promise<void> {
  for (const { resource, object, failure } of await restoreTraffic(client)) {
    const what = `${resource.kind.toLowerCase()}/${object.metadata.name}`;
    const within = `-n ${object.metadata.namespace ?? 'default'}`;
    if (failure === undefined) {
      cli.io.out(`${what} ${viewOf(cli).paint('good', 'restored')}`);
      continue;
    }
    cli.io.err(`${what} still sends requests to one revision: ${failure.message}`);
    cli.io.err(`  Hint: apply its manifest again, or run \`kubectl edit ${what} ${within}\``);
  }
}

/** Deletes the operator's Deployment and waits until its pods are deleted: they rewrite webhooks. */
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
  run.cli.io.err('The operator is still stopping; continuing.');
}

const deleteOne = (run: Run, manifest: Manifest): Promise<void> =>
  remove(run, resourceOf(manifest), keyOfManifest(manifest));

/** A namespace that existed before the installation may have other tenants. */
async function deleteNamespace(run: Run, manifest: Manifest): Promise<void> {
  const found = await existing(run.session.client, manifest);
  if (found === undefined) return;
  if (isOurs(found)) await deleteOne(run, manifest);
  else
    run.cli.io.err(
      `The namespace ${manifest.metadata.name} was not created by AlterShield; it stays.`,
    );
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
