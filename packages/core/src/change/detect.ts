// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload, ChangeWorkloadSpec } from '@altershield/api';
import { actorFromManagedFields, actorOf } from '../admission/actor.ts';
import { readStamp, type Stamp } from '../admission/stamp.ts';
import { isInFlight } from '../cap/annotation.ts';
import type { GoodPolicy } from '../policy/match.ts';
import { diffTemplates } from '../revision/diff.ts';
import { bare, refusalFingerprint } from '../revision/fingerprint.ts';
import { userBounds } from '../workload/batches.ts';
import { heldFrom, viewDeployment, type Tools } from '../workload/observe.ts';
import { imagesOf, type Deployment, type ReplicaSet, type Template } from '../workload/types.ts';
import { isBackAt, isGated } from './batch.ts';
import type { WorkloadView } from './model.ts';
import { isOver, statusOf, timeText } from './status.ts';
import { isVerifiedBy } from './verified.ts';

/** What was seen of a workload when we last looked: the template it ran. */
export interface Seen {
  readonly fingerprint: string;
  readonly template: Template;
  /** Whose fields the template's were, as JSON. */
  readonly ownership?: string | undefined;
  /** Labels of the workload then: a write that takes them away is judged by them, too. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

export interface DetectInput {
  readonly deployment: Deployment;
  /** The ReplicaSets that it owns. */
  readonly revisions: readonly ReplicaSet[];
  readonly policy: GoodPolicy;
  /** The record that accounts for what a workload of this kind and name runs. */
  readonly last: ChangeWorkload | undefined;
  /** Undefined for an object that appeared after we began to watch. */
  readonly seen: Seen | undefined;
  /** Whether a revision of this workload was proven good before. Default: none was. */
  readonly isVerified?: (fingerprint: string) => boolean;
  /** Whether what runs now is a way back from this. Default: it is none. */
  readonly isWayBack?: (running: Template) => boolean;
  readonly now: number;
}

/** The record of a change that nobody recorded yet; undefined when there is none. */
export function detect(input: DetectInput, tools: Tools): ChangeWorkloadSpec | undefined {
  const { deployment } = input;
  const to = tools.fingerprintOf(deployment.spec.template);
  const view = viewDeployment(deployment, input.revisions, tools);
  const held = heldFrom(view)?.fingerprint;
  const { isOwnWrite } = view;
  const stamp = readStamp(deployment, to, tools.sign);
  const last = input.last?.spec.target.uid === deployment.metadata.uid ? input.last : undefined;
  const isHeld = held !== undefined && isCapped(view);
  const facts: Facts = { to, held, isHeld, isOwnWrite, stamp, last };
  if (isKnown(input, facts)) return undefined;
  return specOf(input, facts, tools);
}

const isCapped = ({ cap }: WorkloadView): boolean =>
  cap !== undefined && cap !== 'Invalid' && isInFlight(cap);

interface Facts {
  readonly to: string;
  /** What the release annotation protects while another revision is the newest; undefined: none is. */
  readonly held: string | undefined;
  /** The newest one is held; a change that came while no operator was alive may be out long since. */
  readonly isHeld: boolean;
  readonly isOwnWrite: boolean;
  readonly stamp: Stamp | undefined;
  /** The same, if it is of this very object. */
  readonly last: ChangeWorkload | undefined;
}

function isKnown({ deployment, seen, revisions }: DetectInput, facts: Facts): boolean {
  const { to, isHeld, last } = facts;
  // A hold that no change in flight stands for: the record is lost, and nobody would release it.
  if (isHeld && !isHeldFor(to, last)) return false;
  if (last !== undefined) return expects(last, to) || isAltered(facts);
  if (seen === undefined) return false;
  return seen.fingerprint === to && !isRollingNatively(deployment, revisions);
}

/** Also what another plug-in made of a verified template is held until it is protected by its own hash. */
const isHeldFor = (to: string, last: ChangeWorkload | undefined): boolean =>
  last !== undefined &&
  (!isOver(statusOf(last).phase) || statusOf(last).restoredFingerprint === to);

/** What another admission plug-in made of the operator's own write is nobody's change. */
const isAltered = ({ last, isOwnWrite }: Facts): boolean =>
  isOwnWrite && last !== undefined && isGated(last.spec) && !isOver(statusOf(last).phase);

/** Whether a record accounts for the template that its workload runs. */
function expects({ spec, status }: ChangeWorkload, fingerprint: string): boolean {
  const isTo = spec.to.fingerprint === fingerprint;
  const isFrom = [spec.from?.fingerprint, status?.restoredFingerprint].includes(fingerprint);
  if (status === undefined || !isOver(status.phase)) return isTo || isBackAt(spec, fingerprint);
  const { phase, reason } = status;
  if (phase === 'Superseded') return isBackAt(spec, fingerprint);
  return phase === 'RolledBack' || reason === 'RollbackIncomplete' ? isFrom : isTo;
}

/** A rollout that was under way before we came. */
function isRollingNatively(
  { status, spec }: Deployment,
  revisions: readonly ReplicaSet[],
): boolean {
  const progressing = status?.conditions?.find((c) => c.type === 'Progressing');
  const isDone = progressing === undefined || progressing.reason === 'NewReplicaSetAvailable';
  const running = revisions.filter((rs) => (rs.spec.replicas ?? 0) > 0);
  return !isDone && spec.paused !== true && running.length > 1;
}

function specOf(input: DetectInput, facts: Facts, tools: Tools): ChangeWorkloadSpec {
  const { deployment, policy, now, last } = input;
  const { stamp } = facts;
  const found = fromOf(input, facts, tools);
  const from = found?.fingerprint === facts.to ? leftBy(input, facts, tools) : found;
  const { metadata } = deployment;
  return {
    target: { apiVersion: 'apps/v1', kind: 'Deployment', name: metadata.name, uid: metadata.uid },
    sequence: (last?.spec.sequence ?? 0) + 1,
    operation: operationOf(input, facts, from, tools),
    detectedBy: stamp === undefined ? 'Watch' : 'Admission',
    detectedAt: timeText(now),
    actor: actorOf(deployment, stamp),
    cause: { tool: toolOf(deployment, stamp), action: actionOf(input, facts, from, tools) },
    ...revisionsOf(deployment, facts.to, from),
    policy,
  };
}

function operationOf(
  input: DetectInput,
  { to, isHeld }: Facts,
  from: ChangeWorkloadSpec['from'],
  tools: Tools,
): ChangeWorkloadSpec['operation'] {
  if (from === undefined) return 'Create';
  const { seen } = input;
  // Who comes late sees only what runs now: it took the place of what the records say.
  const before = seen === undefined || seen.fingerprint === to ? from : seen;
  if (input.isWayBack?.(before.template) === true) return 'Revert';
  if (isHeld) return 'Update';
  return isSettled(input, to, tools) ? 'Late' : 'Update';
}

/** A revision that began so long ago, and got on last so long ago, is no longer being rolled out. */
const SETTLED_MS = 600_000;

/**
 * Whether nothing else runs than this template, for a while, and mostly well: its time to be held
 * back is over. A pod that is away for a second, or a zone, does not make it a change of today.
 */
function isSettled(
  { deployment, revisions, now }: DetectInput,
  to: string,
  { fingerprintOf }: Tools,
): boolean {
  if (progressAt(deployment) > now - SETTLED_MS) return false;
  const running = runningOf(revisions, fingerprintOf);
  const isWell = ({ is, since, replicas, ready }: Running): boolean =>
    is === to && since <= now - SETTLED_MS && ready * 2 >= replicas;
  return running.length > 0 && running.every(isWell);
}

/** When its rollout last got on; to be paused or resumed (`Deployment…`) is none of it. */
function progressAt({ status }: Deployment): number {
  const progressing = status?.conditions?.find((c) => c.type === 'Progressing');
  const { reason = '', lastUpdateTime = '' } = progressing ?? {};
  return reason.startsWith('Deployment') ? 0 : Date.parse(lastUpdateTime) || 0;
}

function revisionsOf(
  { spec: { template } }: Deployment,
  fingerprint: string,
  from: ChangeWorkloadSpec['from'],
): Pick<ChangeWorkloadSpec, 'from' | 'to' | 'diff' | 'diffTruncated'> {
  const refusal = refusalFingerprint(template);
  const to = { fingerprint, refusal, images: imagesOf(template) };
  if (from === undefined) return { to, diff: [] };
  const { differences, truncated } = diffTemplates(bare(from.template), bare(template));
  return { from, to, diff: differences, ...(truncated ? { diffTruncated: true } : {}) };
}

/** The last verified revision: the one that ran before, or of a change that did not end well, the one it came from. */
function fromOf(input: DetectInput, facts: Facts, tools: Tools): ChangeWorkloadSpec['from'] {
  const before = replacedBy(facts, input.seen);
  const last = accounting(facts.last, before);
  if (before !== undefined && input.isVerified?.(before) === true) {
    const found = revisionAt(before, true, input, tools);
    if (found !== undefined) return found;
  }
  const wayBack = wayBackOf(last, before);
  if (wayBack !== undefined) return wayBack;
  if (last !== undefined) return broughtBy(last, input, tools);
  const known = before ?? otherRunning(input, facts, tools);
  return known === undefined
    ? undefined
    : revisionAt(known, isHealthy(known, input, facts, tools), input, tools);
}

/** What the last change brought; of a new workload that nobody has judged yet, its first revision. */
function broughtBy(
  last: ChangeWorkload,
  input: DetectInput,
  tools: Tools,
): ChangeWorkloadSpec['from'] {
  const from = revisionAt(last.spec.to.fingerprint, isVerifiedBy(last), input, tools);
  const isSoaking = last.spec.operation === 'Create' && !isOver(statusOf(last).phase);
  return from && isSoaking ? { ...from, isNew: true } : from;
}

/** What a way back left behind: where it came from, and nothing to go to. */
function leftBy(input: DetectInput, { to, held }: Facts, tools: Tools): ChangeWorkloadSpec['from'] {
  const { seen } = input;
  if (held !== undefined || seen === undefined || seen.fingerprint === to) return undefined;
  const isBack = input.isWayBack?.(seen.template) === true;
  return isBack ? revisionAt(seen.fingerprint, false, input, tools) : undefined;
}

/** A revision to go back to, if its template is to be had. */
function revisionAt(
  fingerprint: string,
  verified: boolean,
  { seen, revisions, last }: DetectInput,
  { fingerprintOf }: Tools,
): ChangeWorkloadSpec['from'] {
  const template =
    seen?.fingerprint === fingerprint
      ? seen.template
      : revisions
          .map((rs) => rs.spec.template)
          .find((t) => t !== undefined && fingerprintOf(t) === fingerprint);
  if (template === undefined) return undefined;
  const refusal = refusalFingerprint(template);
  const recorded = last?.spec.from;
  const ownership = [seen, recorded].find((r) => r?.fingerprint === fingerprint)?.ownership;
  return {
    ...{ fingerprint, refusal, images: imagesOf(template), verified, template: bare(template) },
    ...(ownership === undefined ? {} : { ownership }),
  };
}

/**
 * Where the last change came from, when it did not end well or was reverted since. Not where somebody
 * left by a way back: a person decides, then.
 */
function wayBackOf(
  last: ChangeWorkload | undefined,
  before: string | undefined,
): ChangeWorkloadSpec['from'] {
  if (last === undefined) return undefined;
  const { from, to, operation } = last.spec;
  if (operation !== 'Update' && before === to.fingerprint) return undefined;
  return before === from?.fingerprint || !isVerifiedBy(last) ? from : undefined;
}

/** The revision that ran before this one, as admission or our own watch saw it. */
function replacedBy({ to, held }: Facts, seen: Seen | undefined): string | undefined {
  if (held !== undefined) return held;
  return seen === undefined || seen.fingerprint === to ? undefined : seen.fingerprint;
}

/** The last record, unless the workload changed since without one: while no policy governed it. */
function accounting(
  last: ChangeWorkload | undefined,
  before: string | undefined,
): ChangeWorkload | undefined {
  if (last === undefined || before === undefined) return last;
  const { from, to } = last.spec;
  return [from?.fingerprint, to.fingerprint].includes(before) ? last : undefined;
}

interface Running {
  readonly is: string;
  readonly since: number;
  readonly replicas: number;
  readonly ready: number;
}

/** The revisions that are to have pods. */
const runningOf = (
  revisions: readonly ReplicaSet[],
  fingerprintOf: Tools['fingerprintOf'],
): Running[] =>
  revisions.flatMap(({ metadata, spec: { template, replicas = 0 }, status }) => {
    if (template === undefined || replicas === 0) return [];
    const ready = status?.readyReplicas ?? 0;
    return [{ is: fingerprintOf(template), since: madeAt({ metadata }), replicas, ready }];
  });

const madeAt = ({ metadata }: Pick<ReplicaSet, 'metadata'>): number =>
  Date.parse(metadata.creationTimestamp ?? '') || 0;

const otherRunning = (
  { revisions }: DetectInput,
  { to }: Facts,
  { fingerprintOf }: Tools,
): string | undefined => runningOf(revisions, fingerprintOf).find(({ is }) => is !== to)?.is;

/** As many of its pods are ready as the owner wants at all times. */
function isReady({ replicas, ready }: Running, { spec: { strategy } }: Deployment): boolean {
  const { unavailable } = userBounds(strategy?.rollingUpdate, replicas);
  return ready >= Math.max(1, replicas - unavailable);
}

/** Ran healthy before we came, and was not itself still replacing another revision. */
function isHealthy(
  wanted: string,
  { revisions, deployment }: DetectInput,
  { to }: Facts,
  { fingerprintOf }: Tools,
): boolean {
  const running = runningOf(revisions, fingerprintOf);
  if (running.some(({ is }) => is !== wanted && is !== to)) return false;
  return running.some((r) => r.is === wanted && isReady(r, deployment));
}

const TOOLS: readonly (readonly [RegExp, string])[] = [
  [/^kubectl/, 'kubectl'],
  [/^argocd/, 'Argo CD'],
  [/^(kustomize-controller|helm-controller)/, 'Flux'],
  [/^helm/i, 'Helm'],
  [/^terraform/i, 'Terraform'],
  [/^pulumi/i, 'Pulumi'],
];

function toolOf(deployment: Deployment, stamp: Stamp | undefined): string {
  const manager = stamp?.manager ?? actorFromManagedFields(deployment).fieldManager ?? '';
  const tool = TOOLS.find(([mark]) => mark.test(manager))?.[1] ?? (manager || 'Unknown');
  return tool.slice(0, 64);
}

function actionOf(
  input: DetectInput,
  facts: Facts,
  from: ChangeWorkloadSpec['from'],
  { fingerprintOf }: Tools,
): string {
  if (from === undefined) return 'Create';
  const { deployment, revisions } = input;
  // First: who undoes a restart brings back what differs by its mark alone, too.
  if (isEarlier(facts.to, revisions, fingerprintOf)) return 'Undo';
  const refusal = refusalFingerprint(deployment.spec.template);
  return [from.refusal, replacedRefusal(input, facts)].includes(refusal) ? 'Restart' : 'Update';
}

/** What the template replaced need not be the rollback target: a change in flight is restarted, too. */
function replacedRefusal(
  { seen }: DetectInput,
  { to, last }: Pick<Facts, 'to' | 'last'>,
): string | undefined {
  if (seen !== undefined && seen.fingerprint !== to) return refusalFingerprint(seen.template);
  if (last === undefined) return undefined;
  const { phase } = statusOf(last);
  return !isOver(phase) || phase === 'Superseded' ? last.spec.to.refusal : undefined;
}

/** Whether another revision was made since this one. `kubectl rollout undo` itself leaves no mark. */
function isEarlier(
  fingerprint: string,
  revisions: readonly ReplicaSet[],
  fingerprintOf: Tools['fingerprintOf'],
): boolean {
  const own = revisions.find(
    ({ spec: { template } }) => template !== undefined && fingerprintOf(template) === fingerprint,
  );
  return own !== undefined && revisions.some((other) => madeAt(other) > madeAt(own));
}
