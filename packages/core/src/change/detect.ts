// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload, ChangeWorkloadSpec } from '@altershield/api';
import { actorFromManagedFields } from '../hold/actor.ts';
import { readActorAnnotation, type ActorAnnotation } from '../hold/actor-annotation.ts';
import type { ObjectMeta, Template } from '../json/objects.ts';
import type { ValidPolicy } from '../policy/match.ts';
import { strategyFor, usesSteps } from '../policy/strategy.ts';
import { diffTemplates } from '../revision/diff.ts';
import { withoutTemplateHash, quarantineKey } from '../revision/fingerprint.ts';
import { contentOf, keepContent } from '../revision/content.ts';
import { imagesOf } from '../revision/images.ts';
import type { KindDescriptor, Signing } from '../workload/adapter.ts';
import { notHeldFields } from '../workload/not-held.ts';
import type { RevisionView, WorkloadView } from '../workload/view.ts';
import { annotatedWorkload } from '../workload/writes.ts';
import { isRevertTo } from './batch.ts';
import { isEnforced } from './enforcement.ts';
import { isOver, statusOf, timeText } from './status.ts';
import { isVerifiedBy } from './history.ts';

/** The template that a workload ran when the operator last observed it. */
export interface LastObserved {
  readonly fingerprint: string;
  readonly template: Template;
  /** Field ownership of the template, as JSON from `ownershipOf`. */
  readonly ownership?: string | undefined;
  /** Labels at that time: a policy that matched them also covers a write that removes them. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

export interface DetectInput {
  readonly descriptor: KindDescriptor;
  readonly object: { readonly metadata: ObjectMeta };
  readonly view: WorkloadView;
  readonly policy: ValidPolicy;
  /** The current record of the workload with this kind and name. */
  readonly last: ChangeWorkload | undefined;
  /** Undefined for an object that appeared after the watch started. */
  readonly lastObserved: LastObserved | undefined;
  /** Whether a revision of this workload is verified. Default: none is. */
  readonly isVerified?: (fingerprint: string) => boolean;
  /** Whether the current template is a revert that replaces the given one. Default: it is not. */
  readonly isRevert?: (running: Template) => boolean;
  readonly now: number;
}

/**
 * The spec of the record for a change that has none yet; undefined when there is nothing to record.
 */
export function detect(input: DetectInput, signing: Signing): ChangeWorkloadSpec | undefined {
  const { descriptor, object, view } = input;
  const { fingerprint: to, isOwnWrite, hold } = view;
  const held = hold?.from;
  const actorAnnotation = readActorAnnotation(
    annotatedWorkload(descriptor, object.metadata),
    to,
    signing.sign,
  );
  const last = input.last?.spec.target.uid === view.uid ? input.last : undefined;
  const isHeld = hold?.isInFlight === true;
  const facts: Facts = { to, held, isHeld, isOwnWrite, actorAnnotation, last };
  if (isRecorded(input, facts)) return undefined;
  return specOf(input, facts);
}

interface Facts {
  readonly to: string;
  /** Fingerprint of the revision that a hold protects from the newest one; undefined: no hold. */
  readonly held: string | undefined;
  /**
   * The newest revision is held. If it was pushed while no operator ran, its pods may already run.
   */
  readonly isHeld: boolean;
  readonly isOwnWrite: boolean;
  readonly actorAnnotation: ActorAnnotation | undefined;
  /** The last record, if its uid is the uid of this object. */
  readonly last: ChangeWorkload | undefined;
}

function isRecorded({ lastObserved, view }: DetectInput, facts: Facts): boolean {
  const { to, isHeld, last } = facts;
  // A hold without a change in progress: the record was lost, and nothing would release the hold.
  if (isHeld && !isHeldFor(to, last)) return false;
  if (last !== undefined) return accountsFor(last, to) || isAltered(facts);
  if (lastObserved === undefined) return false;
  return lastObserved.fingerprint === to && !view.rollout.isInProgress;
}

/**
 * After a rollback, a verified template that another admission plug-in altered stays held until the
 * annotation protects it by its own hash.
 */
const isHeldFor = (to: string, last: ChangeWorkload | undefined): boolean =>
  last !== undefined &&
  (!isOver(statusOf(last).phase) || statusOf(last).restoredFingerprint === to);

/** An operator write that another admission plug-in altered is not a new change. */
const isAltered = ({ last, isOwnWrite }: Facts): boolean =>
  isOwnWrite && last !== undefined && isEnforced(last.spec) && !isOver(statusOf(last).phase);

/** Whether a record already covers the template that its workload runs. */
function accountsFor({ spec, status }: ChangeWorkload, fingerprint: string): boolean {
  const isTo = spec.to.fingerprint === fingerprint;
  const isFrom = [spec.from?.fingerprint, status?.restoredFingerprint].includes(fingerprint);
  if (status === undefined || !isOver(status.phase)) return isTo || isRevertTo(spec, fingerprint);
  const { phase, reason } = status;
  if (phase === 'Superseded') return isRevertTo(spec, fingerprint);
  return phase === 'RolledBack' || reason === 'RollbackIncomplete' ? isFrom : isTo;
}

function specOf(input: DetectInput, facts: Facts): ChangeWorkloadSpec {
  const { descriptor, object, view, policy, now, last } = input;
  const { actorAnnotation } = facts;
  const found = fromOf(input, facts);
  const from = found?.fingerprint === facts.to ? revisionLeftByUser(input, facts) : found;
  const { metadata } = object;
  const operation = operationOf(input, facts, from);
  const release = releaseOf(input, operation);
  return {
    target: targetOf(descriptor, metadata),
    sequence: (last?.spec.sequence ?? 0) + 1,
    operation,
    detectedBy: actorAnnotation === undefined ? 'Watch' : 'Admission',
    detectedAt: timeText(now),
    actor: view.actor,
    cause: { tool: toolOf(metadata, actorAnnotation), action: actionOf(input, facts, from) },
    ...revisionsOf(view, from),
    policy,
    release,
    ...(release.enforced && usesSteps(release.strategy) ? notHeldOf(input, from) : {}),
  };
}

function notHeldOf(
  { descriptor, view: { template } }: DetectInput,
  from: ChangeWorkloadSpec['from'],
): Pick<ChangeWorkloadSpec, 'notHeld'> {
  const fields = from === undefined ? [] : notHeldFields(descriptor, contentOf(from), template);
  return fields.length === 0 ? {} : { notHeld: fields };
}

const NOT_ENFORCED = {
  Create: 'a new workload has no revision to roll back to',
  Revert: 'a verified revision was applied again',
  PreExisting: 'the revision ran before the operator found it',
} as const;

const NOT_HELD_IN_TIME =
  'it was not held when it was created, and holding it now would delete pods';

/** How the change is released. Decided once: later edits of the policy do not affect it. */
function releaseOf(
  { descriptor, view, policy }: DetectInput,
  operation: ChangeWorkloadSpec['operation'],
): NonNullable<ChangeWorkloadSpec['release']> {
  const { mode, release } = policy.spec;
  const choice = strategyFor(release, descriptor, view.unsupported);
  if (mode === 'Audit') {
    return { ...choice, enforced: false, reason: 'the policy only audits changes' };
  }
  if (operation === 'Update') return { ...choice, enforced: true };
  if (operation === 'Create' && descriptor.isImmutable === true) {
    return view.hold?.isInFlight === true
      ? { ...choice, enforced: true }
      : { ...choice, enforced: false, reason: NOT_HELD_IN_TIME };
  }
  return { ...choice, enforced: false, reason: NOT_ENFORCED[operation] };
}

function operationOf(
  input: DetectInput,
  { to, isHeld }: Facts,
  from: ChangeWorkloadSpec['from'],
): ChangeWorkloadSpec['operation'] {
  if (from === undefined) return 'Create';
  const { lastObserved } = input;
  // If the operator missed the change, it sees only the new template: compare with the recorded
  // one.
  const before =
    lastObserved === undefined || lastObserved.fingerprint === to
      ? contentOf(from)
      : lastObserved.template;
  if (input.isRevert?.(before) === true) return 'Revert';
  if (isHeld) return 'Update';
  return isSettled(input) ? 'PreExisting' : 'Update';
}

/** A revision this old, without progress for this long, is no longer rolling out. */
const SETTLED_MS = 600_000;

/**
 * Whether only this template has run for a while, with at least half of its pods ready: it is too
 * late to hold it. A few unready pods, or the loss of a zone, do not turn it into a new change.
 */
function isSettled({ view: { fingerprint, revisions, rollout }, now }: DetectInput): boolean {
  if (rollout.lastProgressAt > now - SETTLED_MS) return false;
  const running = runningOf(revisions);
  const isWell = ({ fingerprint: is, createdAt, replicas, ready }: RevisionView): boolean =>
    is === fingerprint && createdAt <= now - SETTLED_MS && ready * 2 >= replicas;
  return running.length > 0 && running.every(isWell);
}

function targetOf(
  { resource: { group, version, kind } }: KindDescriptor,
  { name, uid }: ObjectMeta,
): ChangeWorkloadSpec['target'] {
  return { apiVersion: group === '' ? version : `${group}/${version}`, kind, name, uid };
}

function revisionsOf(
  { template, fingerprint }: WorkloadView,
  from: ChangeWorkloadSpec['from'],
): Pick<ChangeWorkloadSpec, 'from' | 'to' | 'diff' | 'diffTruncated'> {
  const to = { fingerprint, quarantineKey: quarantineKey(template), images: imagesOf(template) };
  if (from === undefined) return { to, diff: [] };
  const { differences, truncated } = diffTemplates(
    withoutTemplateHash(contentOf(from)),
    withoutTemplateHash(template),
  );
  return { from, to, diff: differences, ...(truncated ? { diffTruncated: true } : {}) };
}

/**
 * The rollback target: the revision that ran before if it is verified; after a change that did not
 * end well, the revision that change came from.
 */
function fromOf(input: DetectInput, facts: Facts): ChangeWorkloadSpec['from'] {
  const before = previousRevision(facts, input.lastObserved);
  const last = accounting(facts.last, before);
  if (before !== undefined && input.isVerified?.(before) === true) {
    const found = revisionAt(before, true, input);
    if (found !== undefined) return found;
  }
  const target = rollbackTarget(last, before);
  if (target !== undefined) return target;
  if (last !== undefined) return broughtBy(last, input);
  const known = before ?? otherRunningRevision(input);
  return known === undefined ? undefined : revisionAt(known, isHealthy(known, input), input);
}

/**
 * The revision of the last change. For a new workload that is still in its first soak, that
 * revision is marked `isNew`.
 */
function broughtBy(last: ChangeWorkload, input: DetectInput): ChangeWorkloadSpec['from'] {
  const from = revisionAt(last.spec.to.fingerprint, isVerifiedBy(last), input);
  const isSoaking = last.spec.operation === 'Create' && !isOver(statusOf(last).phase);
  return from && isSoaking ? { ...from, isNew: true } : from;
}

/**
 * The revision that a revert replaced: it shows where the change came from and is not a rollback
 * target.
 */
function revisionLeftByUser(input: DetectInput, { to, held }: Facts): ChangeWorkloadSpec['from'] {
  const { lastObserved } = input;
  if (held !== undefined || lastObserved === undefined || lastObserved.fingerprint === to)
    return undefined;
  const isBack = input.isRevert?.(lastObserved.template) === true;
  return isBack ? revisionAt(lastObserved.fingerprint, false, input) : undefined;
}

/** A revision for `from`; undefined when its template is not available. */
function revisionAt(
  fingerprint: string,
  verified: boolean,
  { descriptor, lastObserved, view, last }: DetectInput,
): ChangeWorkloadSpec['from'] {
  const template =
    lastObserved?.fingerprint === fingerprint
      ? lastObserved.template
      : view.revisions.find((r) => r.fingerprint === fingerprint)?.template;
  if (template === undefined) return undefined;
  const recorded = last?.spec.from;
  const ownership = [lastObserved, recorded].find((r) => r?.fingerprint === fingerprint)?.ownership;
  return {
    fingerprint,
    quarantineKey: quarantineKey(template),
    images: imagesOf(template),
    verified,
    ...keepContent(descriptor.revisionPath, withoutTemplateHash(template)),
    ...(ownership === undefined ? {} : { ownership }),
  };
}

/**
 * The revision that the last change came from, if that change did not end well or was reverted
 * since. Undefined when the user left that change by a revert: the user decides then.
 */
function rollbackTarget(
  last: ChangeWorkload | undefined,
  before: string | undefined,
): ChangeWorkloadSpec['from'] {
  if (last === undefined) return undefined;
  const { from, to, operation } = last.spec;
  if (operation !== 'Update' && before === to.fingerprint) return undefined;
  return before === from?.fingerprint || !isVerifiedBy(last) ? from : undefined;
}

/** The revision that ran before this one, as admission or the watch observed it. */
function previousRevision({ to, held }: Facts, seen: LastObserved | undefined): string | undefined {
  if (held !== undefined) return held;
  return seen === undefined || seen.fingerprint === to ? undefined : seen.fingerprint;
}

/** The last record, unless the workload changed without one since, while no policy matched it. */
function accounting(
  last: ChangeWorkload | undefined,
  before: string | undefined,
): ChangeWorkload | undefined {
  if (last === undefined || before === undefined) return last;
  const { from, to } = last.spec;
  return [from?.fingerprint, to.fingerprint].includes(before) ? last : undefined;
}

/** Revisions with a desired replica count above zero. */
const runningOf = (revisions: readonly RevisionView[]): RevisionView[] =>
  revisions.filter(({ replicas }) => replicas > 0);

const otherRunningRevision = ({
  view: { fingerprint, revisions },
}: DetectInput): string | undefined =>
  runningOf(revisions).find((r) => r.fingerprint !== fingerprint)?.fingerprint;

/**
 * Whether the revision was healthy when the operator started, and was not replacing another one.
 */
function isHealthy(wanted: string, { view }: DetectInput): boolean {
  const running = runningOf(view.revisions);
  const isOther = (r: RevisionView): boolean => ![wanted, view.fingerprint].includes(r.fingerprint);
  if (running.some(isOther)) return false;
  return running.some((r) => r.fingerprint === wanted && r.isHealthy);
}

const TOOLS: readonly (readonly [RegExp, string])[] = [
  [/^kubectl/, 'kubectl'],
  [/^argocd/, 'Argo CD'],
  [/^(kustomize-controller|helm-controller)/, 'Flux'],
  [/^helm/i, 'Helm'],
  [/^terraform/i, 'Terraform'],
  [/^pulumi/i, 'Pulumi'],
];

function toolOf(metadata: ObjectMeta, actorAnnotation: ActorAnnotation | undefined): string {
  const manager = actorAnnotation?.manager ?? actorFromManagedFields(metadata).fieldManager ?? '';
  return toolOfManager(manager);
}

/** `kubectl` of the field manager `kubectl-edit`. */
export const toolOfManager = (manager: string): string =>
  (TOOLS.find(([mark]) => mark.test(manager))?.[1] ?? (manager || 'Unknown')).slice(0, 64);

function actionOf(input: DetectInput, facts: Facts, from: ChangeWorkloadSpec['from']): string {
  if (from === undefined) return 'Create';
  const { view } = input;
  // Check this first: undoing a restart also brings back a template that differs only by its
  // restart annotation.
  if (isEarlier(view)) return 'Undo';
  const key = quarantineKey(view.template);
  return [from.quarantineKey, replacedKey(input, facts)].includes(key) ? 'Restart' : 'Update';
}

/**
 * The replaced template is not always the rollback target: a change in progress can be restarted
 * too.
 */
function replacedKey(
  { lastObserved }: DetectInput,
  { to, last }: Pick<Facts, 'to' | 'last'>,
): string | undefined {
  if (lastObserved !== undefined && lastObserved.fingerprint !== to)
    return quarantineKey(lastObserved.template);
  if (last === undefined) return undefined;
  const { phase } = statusOf(last);
  return !isOver(phase) || phase === 'Superseded' ? last.spec.to.quarantineKey : undefined;
}

/** Whether a newer revision exists. `kubectl rollout undo` itself leaves no trace on the object. */
function isEarlier({ fingerprint, revisions }: WorkloadView): boolean {
  const own = revisions.find((r) => r.fingerprint === fingerprint);
  return own !== undefined && revisions.some(({ createdAt }) => createdAt > own.createdAt);
}
