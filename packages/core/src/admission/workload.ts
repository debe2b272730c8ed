// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS, type RecordedHold } from '@altershield/api';
import type { Replacement } from '../change/history.ts';
import { writeActorAnnotation } from '../hold/actor-annotation.ts';
import { toJsonPointer, type PatchOp } from '../json/patch.ts';
import type { Template, WorkloadObject } from '../json/objects.ts';
import { utf8Length as bytesOf } from '../json/sha256.ts';
import type { ValidPolicy } from '../policy/match.ts';
import type { RuleEngine } from '../policy/rule-engine.ts';
import { strategyFor, usesSteps } from '../policy/strategy.ts';
import { isSameTemplate, quarantineKey } from '../revision/fingerprint.ts';
import {
  templateOf,
  type AdmissionInput,
  type AdmissionMarks,
  type Snapshot,
  type Signing,
  type WorkloadAdapter,
} from '../workload/adapter.ts';
import { notHeldFields } from '../workload/not-held.ts';
import { revisionNumber, annotatedWorkload } from '../workload/writes.ts';
import { allow, deny, type Request, type Review } from './review.ts';
import { applyRules, type RuleFindings } from './rules.ts';

/** Why a revision is quarantined. */
export interface QuarantineInfo {
  readonly change: string;
  readonly why: string;
  readonly until: string;
}

export interface WorkloadContext {
  readonly adapter: WorkloadAdapter;
  /** The policy that matches the object, or matched it before this write; undefined: none does. */
  readonly policy: ValidPolicy | undefined;
  readonly quarantineOf: (quarantineKey: string) => QuarantineInfo | undefined;
  /** Whether applying this template reverts to a verified revision. */
  readonly isRevert: (replacement: Replacement) => boolean;
  /** The object with its related objects, from the caches. */
  readonly snapshotOf: (object: WorkloadObject) => Snapshot;
  /** The user's fields by the record of the change in flight. */
  readonly recordedHold?: (object: WorkloadObject) => RecordedHold | undefined;
  /** Name of the record that a change will get. */
  readonly nextChange: string;
  readonly signing: Signing;
  /** The engine is there where the policy has rules. */
  readonly rules?: { readonly engine: RuleEngine | undefined; readonly now: number };
}

/**
 * Denies quarantined revisions, even if the policy has changed since. The mutating review checks
 * this first, the validating review last.
 */
export function validateWorkload(
  request: Request<WorkloadObject>,
  context: WorkloadContext,
): Review {
  const isJudged = context.policy !== undefined && isChange(request, context);
  return (isJudged ? denyQuarantined(request, context) : undefined) ?? allow();
}

function denyQuarantined(
  { object, namespace }: Request<WorkloadObject>,
  { quarantineOf, adapter }: WorkloadContext,
): Review | undefined {
  const quarantine = quarantineOf(quarantineKey(templateOf(adapter, object)));
  if (quarantine === undefined) return undefined;
  const { name } = object.metadata;
  const { resource, cliNames } = adapter.descriptor;
  return deny(
    'Forbidden',
    `AlterShield denies this revision of ${resource.kind} ${namespace}/${name} until ${quarantine.until}: ` +
      `it was rolled back (${quarantine.why}). Change the pod template, or run: altershield lift ${cliNames[0]}/${name} -n ${namespace}. ` +
      `Evidence: altershield why ${quarantine.change} -n ${namespace}`,
  );
}

/**
 * Whether the write changes an existing workload. A new workload is never denied: that would
 * protect nothing that runs.
 */
function isChange(
  { object, oldObject }: Request<WorkloadObject>,
  { adapter }: WorkloadContext,
): boolean {
  if (oldObject === undefined || adapter.descriptor.isImmutable === true) return false;
  return !isSameTemplate(templateOf(adapter, object), templateOf(adapter, oldObject));
}

/** Holds a change in the write that makes it, and records the user who made it. */
export function mutateWorkload(request: Request<WorkloadObject>, context: WorkloadContext): Review {
  const { policy } = context;
  const { oldObject } = request;
  if (policy === undefined) return allow();
  if (oldObject === undefined) return created(request, { ...context, policy });
  if (!isChange(request, context)) return preserveHold(request, oldObject, context);
  const denial = denyQuarantined(request, context);
  if (denial !== undefined) return denial;
  return changed(request, oldObject, { ...context, policy });
}

type MatchedContext = WorkloadContext & { readonly policy: ValidPolicy };

function created(request: Request<WorkloadObject>, context: MatchedContext): Review {
  const { object, namespace } = request;
  const { adapter, signing } = context;
  const isHeld = adapter.descriptor.isImmutable === true && isReleased(context);
  const added = adapter.admission.create({ object, namespace, signing, isHeld });
  const warnings = isHeld ? [heldWarning(request, context)] : [];
  return allow(write(object, added, actorText(request, context)), warnings);
}

/** Whether the policy has changes of the kind held and released in steps. */
const isReleased = ({ policy: { spec }, adapter: { descriptor } }: MatchedContext): boolean =>
  spec.mode === 'Enforce' && usesSteps(strategyFor(spec.release, descriptor).strategy);

function heldWarning(
  { object: { metadata }, namespace }: Request<WorkloadObject>,
  { adapter: { descriptor }, nextChange }: WorkloadContext,
): string {
  const [word] = descriptor.cliNames;
  // A name that is made from `generateName` does not exist yet.
  const { name } = metadata as { readonly name?: string };
  const [what, command] =
    name === undefined
      ? [`this ${descriptor.resource.kind}`, `altershield get -n ${namespace}`]
      : [
          `this change as ${nextChange}`,
          `altershield status ${word}/${name} -n ${namespace} --wait`,
        ];
  return `AlterShield holds ${what} and releases it batch by batch; follow it with: ${command}`;
}

/** A write that is not a change: keeps the operator's annotations and fields, whoever sends it. */
function preserveHold(
  request: Request<WorkloadObject>,
  old: WorkloadObject,
  context: WorkloadContext,
): Review {
  const added = context.adapter.admission.keep(inputOf(request, old, context));
  return allow(write(request.object, added, old.metadata.annotations?.[ANNOTATIONS.actor]));
}

const inputOf = (
  { object, namespace }: Request<WorkloadObject>,
  old: WorkloadObject,
  { signing, snapshotOf, recordedHold }: WorkloadContext,
): AdmissionInput<WorkloadObject> => ({
  ...{ object, old, namespace, signing },
  recorded: recordedHold?.(old),
  snapshot: () => snapshotOf(old),
});

function changed(
  request: Request<WorkloadObject>,
  old: WorkloadObject,
  context: MatchedContext,
): Review {
  const { object } = request;
  const { admission } = context.adapter;
  const template = templateOf(context.adapter, object);
  const running = templateOf(context.adapter, old);
  // Never block a revert.
  if (context.isRevert({ uid: old.metadata.uid, template, running })) {
    const actor = actorText(request, context);
    return allow(write(object, admission.revert(inputOf(request, old, context)), actor));
  }
  const { denials, warnings } = rulesOn(request, context);
  if (denials.length > 0) return denyByRules(request, context, denials);
  return withWarnings(warnings, held(request, old, context));
}

const NO_FINDINGS: RuleFindings = { denials: [], warnings: [] };

const rulesOn = (
  request: Request<WorkloadObject>,
  { policy, adapter, rules }: MatchedContext,
): RuleFindings =>
  rules === undefined
    ? NO_FINDINGS
    : applyRules({ request, policy, kind: adapter.descriptor.resource.kind, ...rules });

function denyByRules(
  { object, namespace }: Request<WorkloadObject>,
  { policy, adapter }: MatchedContext,
  denials: readonly string[],
): Review {
  const { kind } = adapter.descriptor.resource;
  return deny(
    'Forbidden',
    `AlterShield denies this change of ${kind} ${namespace}/${object.metadata.name} by policy ` +
      `${policy.namespace}/${policy.name}: ${denials.join('; ')}`,
  );
}

const withWarnings = (warnings: readonly string[], review: Review): Review =>
  review.allowed ? { ...review, warnings: [...warnings, ...review.warnings] } : review;

function held(
  request: Request<WorkloadObject>,
  old: WorkloadObject,
  context: MatchedContext,
): Review {
  const { object } = request;
  const { descriptor, admission } = context.adapter;
  const actor = actorText(request, context);
  const input = inputOf(request, old, context);
  if (!isReleased(context)) return allow(write(object, admission.keep(input), actor));
  const added = admission.hold(input);
  if (added.notHeld !== undefined) {
    const warning = `AlterShield records this change as ${context.nextChange} but does not hold it: ${added.notHeld}`;
    return allow(write(object, added, actor), [warning]);
  }
  return allow(write(object, added, actor), [
    heldWarning(request, context),
    ...notHeldWarning(
      descriptor,
      templateOf(context.adapter, old),
      templateOf(context.adapter, object),
    ),
  ]);
}

function notHeldWarning(
  descriptor: WorkloadAdapter['descriptor'],
  running: Template,
  template: Template,
): string[] {
  const fields = notHeldFields(descriptor, running, template).map(shortName);
  if (fields.length === 0) return [];
  const { kind } = descriptor.resource;
  return [
    `AlterShield cannot hold ${fields.join(', ')}: the ${kind} controller applies such a change at once`,
  ];
}

/** `nodeSelector` of `/spec/template/spec/nodeSelector`. */
const shortName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

function actorText(
  { object, oldObject, namespace, user, fieldManager, operation }: Request<WorkloadObject>,
  { adapter, signing }: WorkloadContext,
): string {
  const { descriptor } = adapter;
  const annotation = {
    user: user.name.slice(0, 512),
    ...(user.uid === undefined ? {} : { uid: user.uid.slice(0, 128) }),
    ...(user.groups === undefined
      ? {}
      : { groups: user.groups.slice(0, 16).map((g) => g.slice(0, 256)) }),
    ...(fieldManager === undefined ? {} : { manager: fieldManager.slice(0, 128) }),
    to: signing.fingerprintOf(templateOf(adapter, object)),
    // An exported manifest also carries a number until its controller writes its own.
    number: Math.max(
      revisionNumber(descriptor, object.metadata),
      revisionNumber(descriptor, (oldObject ?? object).metadata),
    ),
    operation: operation === 'CREATE' ? 'Create' : 'Update',
  } as const;
  return writeActorAnnotation(
    annotation,
    annotatedWorkload(descriptor, object.metadata, namespace),
    signing.sign,
  );
}

/**
 * The API server's limit in bytes for all annotations of an object, including names, minus what the
 * Deployment controller adds to a ReplicaSet's copy.
 */
const MAX_ANNOTATIONS = 262_144 - 128;

/**
 * A UTF-16 unit takes at most three bytes in UTF-8: count exactly only if this upper bound exceeds
 * the limit.
 */
const MOST_BYTES = 3;

type Annotations = Readonly<Record<string, string | undefined>>;

function write(
  object: WorkloadObject,
  added: AdmissionMarks,
  actor: string | undefined,
): PatchOp[] {
  const { annotations } = object.metadata;
  const wanted: Annotations = { ...added.annotations, [ANNOTATIONS.actor]: actor };
  const fitting = fittingMarks(annotations ?? {}, wanted);
  const hasRoom = Object.keys(added.annotations).every((name) => fitting[name] === wanted[name]);
  const ops = Object.entries(fitting).flatMap(([name, value]) =>
    setAnnotation(annotations ?? {}, name, value),
  );
  const isMissing = annotations === undefined && ops.some(({ op }) => op === 'add');
  return [
    ...(isMissing ? [{ op: 'add', path: '/metadata/annotations', value: {} } as const] : []),
    ...ops,
    // Without a saved copy of the user's value, a borrowed field could never be restored.
    ...(hasRoom ? Object.entries(added.fields ?? {}) : []).map(
      ([path, value]) => ({ op: 'add', path, value }) as const,
    ),
  ];
}

/** A user's write must not fail because of what AlterShield adds: near the limit it adds less. */
function fittingMarks(
  annotations: Readonly<Record<string, string>>,
  wanted: Annotations,
): Annotations {
  const own = Object.entries(annotations).filter(([name]) => !Object.hasOwn(wanted, name));
  const texts = [...own, ...Object.entries(wanted)].map(([name, value = '']) => name + value);
  const length = texts.reduce((sum, text) => sum + text.length, 0);
  if (length * MOST_BYTES < MAX_ANNOTATIONS) return wanted;
  let left = MAX_ANNOTATIONS - bytesOf(own.flat().join(''));
  const fits = (name: string, value: string | undefined): string | undefined => {
    const size = bytesOf(name + (value ?? ''));
    if (value === undefined || size > left) return undefined;
    left -= size;
    return value;
  };
  return Object.fromEntries(
    Object.entries(wanted).map(([name, value]) => [name, fits(name, value)]),
  );
}

function setAnnotation(
  annotations: Readonly<Record<string, string>>,
  name: string,
  value: string | undefined,
): PatchOp[] {
  if (annotations[name] === value) return [];
  const path = toJsonPointer('metadata', 'annotations', name);
  return value === undefined ? [{ op: 'remove', path }] : [{ op: 'add', path, value }];
}
