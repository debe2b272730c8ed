// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from 'node:util';
import { isNotFound, type Client, type KubeObject } from '@altershield/kube';
import {
  viewOf,
  withSession,
  type CommandContext,
  type GlobalOptions,
  type Session,
} from '../cli.ts';
import { resourceOf } from '../cluster/resources.ts';
import {
  isRolledOut,
  pullFailure,
  stalledBecause,
  type RolloutStatus,
} from '../cluster/rollout.ts';
import { waitUntil } from '../cluster/wait.ts';
import { CliError, EXIT } from '../exit.ts';
import { installManifests, toYaml } from '../manifests/install.ts';
import {
  DEFAULT_OPTIONS,
  NAME,
  SELECTOR,
  type InstallOptions,
  type Manifest,
} from '../manifests/manifest.ts';
import { duration } from '../render/age.ts';

export interface InstallCommandOptions extends GlobalOptions {
  readonly dryRun?: boolean;
  readonly image: string;
  readonly replicas: number;
  /** Wait until the operator is ready. */
  readonly wait: boolean;
  /** Bound of each wait. Seconds. */
  readonly timeout: number;
}

/** `altershield install`: server-side apply, each kind before those that need it. */
export async function install(cli: CommandContext, options: InstallCommandOptions): Promise<void> {
  const { namespace = DEFAULT_OPTIONS.namespace, image, replicas } = options;
  const wanted = { namespace, image, replicas };
  if (options.dryRun === true) {
    cli.io.out(toYaml(installManifests(wanted)).trimEnd());
    return;
  }
  await withSession(cli, options, (session) => apply({ cli, session, options, wanted }));
}

interface Run {
  readonly cli: CommandContext;
  readonly session: Session;
  readonly options: InstallCommandOptions;
  readonly wanted: InstallOptions;
}

async function apply(run: Run): Promise<void> {
  await rejectSecond(run);
  const manifests = installManifests(run.wanted);
  const crds = manifests.filter(({ kind }) => kind === 'CustomResourceDefinition');
  const rest = manifests.filter((manifest) => !crds.includes(manifest));
  const applied = await applyAll(run, crds);
  await waitFor(run, { what: 'the kinds to be served', objects: applied, until: isEstablished });
  const others = await applyAll(run, rest);
  if (!run.options.wait) return;
  const objects = others.filter(({ kind }) => kind === 'Deployment');
  await waitForRollout(run, objects);
}

/** Ends as `kubectl rollout status` does, and fails as soon as the image cannot be pulled. */
async function waitForRollout(run: Run, objects: readonly KubeObject[]): Promise<void> {
  const { namespace, image } = run.wanted;
  const pods = { namespace, image, labels: SELECTOR };
  const stop = new AbortController();
  let reason = '';
  // If the pods cannot be watched, the Deployment's status shows the end.
  const watching = pullFailure(run.session.client, pods, stop.signal).then(
    (why) => {
      reason = why;
      stop.abort();
    },
    () => undefined,
  );
  const failureOf = (seen: RolloutStatus | undefined): CliError | undefined => {
    if (reason !== '') return notRolledOut(`${image} cannot be pulled: ${reason}`);
    const why = seen && stalledBecause(seen);
    return why === undefined ? undefined : notRolledOut(`the operator does not get ready: ${why}`);
  };
  const until = (seen: RolloutStatus): boolean =>
    isRolledOut(seen) || stalledBecause(seen) !== undefined;
  try {
    const what = 'the rollout of the operator';
    await waitFor(run, { what, objects, until, failureOf, signal: stop.signal });
  } finally {
    stop.abort();
    await watching;
  }
}

const notRolledOut = (message: string): CliError =>
  new CliError(
    EXIT.failed,
    message,
    'replicas of the version before keep running; correct the cause, then run `altershield install` again',
  );

/** Two operators in one cluster would both manage the same workloads. */
async function rejectSecond({ session: { client }, wanted }: Run): Promise<void> {
  const other = await homeOf(client);
  if (other === undefined || other === wanted.namespace) return;
  throw new CliError(
    EXIT.failed,
    `AlterShield is installed in namespace ${other} already`,
    `use \`-n ${other}\`, or \`altershield uninstall -n ${other}\` first`,
  );
}

/** The namespace of the operator that has the permissions, which are the cluster's; undefined: none has. */
export async function homeOf(client: Pick<Client, 'get'>): Promise<string | undefined> {
  const binding = installManifests(DEFAULT_OPTIONS).find(
    ({ kind }) => kind === 'ClusterRoleBinding',
  );
  if (binding === undefined) return undefined;
  return (await existing<Binding>(client, binding))?.subjects?.[0]?.namespace;
}

interface Binding extends KubeObject {
  readonly subjects?: readonly { readonly namespace?: string }[];
}

async function applyAll(run: Run, manifests: readonly Manifest[]): Promise<KubeObject[]> {
  const applied: KubeObject[] = [];
  for (const manifest of manifests) applied.push(await applyOne(run, manifest));
  return applied;
}

async function applyOne(
  { cli, session: { client } }: Run,
  manifest: Manifest,
): Promise<KubeObject> {
  const before = await existing(client, manifest);
  if (manifest.kind === 'Namespace' && before !== undefined && !isOurs(before)) {
    report(cli, manifest, 'is there already; left as it is');
    return before;
  }
  const body = { type: 'apply', body: manifest, force: true } as const;
  const after = await client.patch(resourceOf(manifest), keyOfManifest(manifest), body);
  report(cli, manifest, outcome(before, after));
  return after;
}

function outcome(before: KubeObject | undefined, after: KubeObject): string {
  if (before === undefined) return 'created';
  return isDeepStrictEqual(wanted(before), wanted(after)) ? 'unchanged' : 'configured';
}

/** An object without fields that controllers update continuously. */
function wanted({ metadata, ...rest }: KubeObject): object {
  const { resourceVersion: _, managedFields: __, ...kept } = metadata;
  return { ...rest, metadata: kept, status: undefined };
}

function report(cli: CommandContext, { kind, metadata: { name } }: Manifest, what: string): void {
  const { paint } = viewOf(cli);
  const tone = what === 'unchanged' ? 'dim' : 'good';
  cli.io.out(`${kind.toLowerCase()}/${name} ${paint(tone, what)}`);
}

/** Whether the object has the label of all installed objects. */
export const isOurs = ({ metadata: { labels } }: KubeObject): boolean =>
  labels?.['app.kubernetes.io/part-of'] === NAME;

export const keyOfManifest = ({ metadata: { name, namespace = '' } }: Manifest) => ({
  namespace,
  name,
});

/** The stored object of the manifest's name. */
export async function existing<T extends KubeObject = KubeObject>(
  client: Pick<Client, 'get'>,
  manifest: Manifest,
): Promise<T | undefined> {
  try {
    return await client.get<T>(resourceOf(manifest), keyOfManifest(manifest));
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

interface Wait {
  readonly what: string;
  readonly objects: readonly KubeObject[];
  readonly until: (object: RolloutStatus) => boolean;
  /** The error to throw for an observed or missing (`undefined`) object. */
  readonly failureOf?: (seen: RolloutStatus | undefined) => CliError | undefined;
  readonly signal?: AbortSignal;
}

async function waitFor({ cli, session, options }: Run, wait: Wait): Promise<void> {
  const { scheduler, io } = cli;
  const start = scheduler.now();
  io.err(`waiting for ${wait.what} …`);
  for (const object of wait.objects) {
    const seen = await waitUntil<RolloutStatus>(object, {
      client: session.client,
      scheduler,
      resource: resourceOf(object),
      until: wait.until,
      timeoutMs: options.timeout * 1000,
      signal: wait.signal,
    });
    const failure = wait.failureOf?.(seen);
    if (failure !== undefined) throw failure;
    if (seen === undefined) throw tooLate(object, wait.what, options.timeout);
  }
  io.err(`done after ${duration(scheduler.now() - start)}`);
}

function tooLate({ kind, metadata }: KubeObject, what: string, seconds: number): CliError {
  const scope = metadata.namespace === undefined ? '' : ` -n ${metadata.namespace}`;
  return new CliError(
    EXIT.unconfirmed,
    `applied, but waiting for ${what} took longer than ${seconds} s (${kind.toLowerCase()}/${metadata.name})`,
    `\`kubectl describe ${kind.toLowerCase()} ${metadata.name}${scope}\` shows the cause`,
  );
}

const isEstablished = ({ status }: RolloutStatus): boolean =>
  status?.conditions?.some(({ type, status: is }) => type === 'Established' && is === 'True') ??
  false;
