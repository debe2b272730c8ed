// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import {
  AT_REST,
  HELD,
  formatReleaseCap,
  isInFlight,
  parseReleaseCap,
  type ReleaseCap,
} from '../cap/annotation.ts';
import type { Replacement } from '../change/verified.ts';
import type { GoodPolicy } from '../policy/match.ts';
import { fingerprint, isSameTemplate, refusalFingerprint } from '../revision/fingerprint.ts';
import type { Sign } from '../revision/seal.ts';
import { utf8Length as bytesOf } from '../revision/sha256.ts';
import { pointer, type PatchOp } from '../workload/patch.ts';
import { isRecreate, revisionNumber, type Deployment, type Template } from '../workload/types.ts';
import { allow, deny, type Request, type Review } from './review.ts';
import { writeStamp } from './stamp.ts';

/** Why a revision is refused; undefined when it is not. */
export interface Refusal {
  readonly change: string;
  readonly why: string;
  readonly until: string;
}

export interface WorkloadContext {
  /** The policy that matches the object, or that matched it before this write; undefined: none does. */
  readonly policy: GoodPolicy | undefined;
  readonly refusalOf: (refusalFingerprint: string) => Refusal | undefined;
  /** Whether to put this template there is a way back to what was proven good before. */
  readonly isWayBack: (replacement: Replacement) => boolean;
  /** `pod-template-hash` of the ReplicaSet with this template; undefined: there is none, or it is not known. */
  readonly hashOf: (uid: string, template: Template) => string | undefined;
  /** Name of the record that a change gets. */
  readonly nextChange: string;
  readonly sign: Sign;
}

/** Refuses quarantined revisions, whatever became of the policy meanwhile. The mutating review asks this first, the validating one last. */
export function validateWorkload(request: Request<Deployment>, context: WorkloadContext): Review {
  const isJudged = context.policy !== undefined && isChange(request);
  return (isJudged ? refused(request, context) : undefined) ?? allow();
}

function refused(
  { object, namespace }: Request<Deployment>,
  { refusalOf }: WorkloadContext,
): Review | undefined {
  const refusal = refusalOf(refusalFingerprint(object.spec.template));
  if (refusal === undefined) return undefined;
  const { name } = object.metadata;
  return deny(
    'Forbidden',
    `AlterShield denies this revision of Deployment ${namespace}/${name} until ${refusal.until}: ` +
      `it was rolled back (${refusal.why}). Change the pod template, or run: altershield lift deploy/${name} -n ${namespace}. ` +
      `Evidence: altershield why ${refusal.change} -n ${namespace}`,
  );
}

/** To deny the creation of an object would protect nothing that runs: a new workload is never refused. */
const isChange = ({ object, oldObject }: Request<Deployment>): boolean =>
  oldObject !== undefined && !isSameTemplate(object.spec.template, oldObject.spec.template);

/** Holds a change in the very write that makes it, and stamps who made it. The spec stays as its user wrote it. */
export function mutateWorkload(request: Request<Deployment>, context: WorkloadContext): Review {
  const { policy } = context;
  const { oldObject } = request;
  if (policy === undefined) return allow();
  if (oldObject === undefined) return created(request, context.sign);
  if (!isChange(request)) return keep(request, oldObject);
  const refusal = refused(request, context);
  if (refusal !== undefined) return refusal;
  return changed(request, oldObject, { ...context, policy });
}

/** A copy of another object, a backup say, carries what was true of that one. */
const created = (request: Request<Deployment>, sign: Sign): Review =>
  allow(annotate(request.object, { release: undefined, actor: stampText(request, sign) }));

/** A write that is no change: what the operator put there stays, whoever sends what. */
function keep({ object }: Request<Deployment>, old: Deployment): Review {
  const { [ANNOTATIONS.release]: release, [ANNOTATIONS.actor]: actor } =
    old.metadata.annotations ?? {};
  return allow(annotate(object, { release, actor }));
}

function changed(
  request: Request<Deployment>,
  old: Deployment,
  context: WorkloadContext & { readonly policy: GoodPolicy },
): Review {
  const { object, namespace } = request;
  const { mode, release: how } = context.policy.spec;
  const before = old.metadata.annotations?.[ANNOTATIONS.release];
  const actor = stampText(request, context.sign);
  const { uid } = old.metadata;
  const { template } = object.spec;
  // The way back is never blocked.
  if (context.isWayBack({ uid, template, running: old.spec.template })) {
    const release = before && atRestOn(context.hashOf(uid, template), object);
    return allow(annotate(object, { release, actor }));
  }
  const isHeld = mode === 'Enforce' && how.strategy === 'Batch';
  if (!isHeld) return allow(annotate(object, { release: before, actor }));
  const release = heldText(before, { object, old, hashOf: context.hashOf });
  return allow(annotate(object, { release, actor }), [
    `AlterShield holds this change as ${context.nextChange} and releases it batch by batch; ` +
      `follow it with: altershield status deploy/${object.metadata.name} -n ${namespace} --wait`,
  ]);
}

const atRestOn = (verified: string | undefined, { spec }: Deployment): string | undefined =>
  verified === undefined
    ? undefined
    : formatReleaseCap({ verified, target: AT_REST, released: 0, replicas: spec.replicas ?? 1 });

interface Held {
  readonly object: Deployment;
  readonly old: Deployment;
  readonly hashOf: WorkloadContext['hashOf'];
}

/**
 * The annotation of a change that nothing is released of. One that is in flight holds every further
 * revision as it stands. `Recreate` is held by its stable ReplicaSet alone: marked here, a change
 * would have no pods at all if every operator died before that ReplicaSet is marked.
 */
function heldText(before: string | undefined, { object, old, hashOf }: Held): string | undefined {
  const cap = parseReleaseCap(before);
  if (cap !== undefined && cap !== 'Invalid' && isInFlight(cap)) return before;
  if (isRecreate(object.spec.strategy) || isRecreate(old.spec.strategy)) return before;
  const verified =
    cap === undefined || cap === 'Invalid'
      ? hashOf(old.metadata.uid, old.spec.template)
      : cap.verified;
  if (verified === undefined) return before;
  const replicas = old.spec.replicas ?? 1;
  return formatReleaseCap({ verified, target: HELD, released: 0, replicas } satisfies ReleaseCap);
}

function stampText(
  { object, oldObject, namespace, user, fieldManager, operation }: Request<Deployment>,
  sign: Sign,
): string {
  const stamp = {
    user: user.name.slice(0, 512),
    ...(user.uid === undefined ? {} : { uid: user.uid.slice(0, 128) }),
    ...(user.groups === undefined
      ? {}
      : { groups: user.groups.slice(0, 16).map((g) => g.slice(0, 256)) }),
    ...(fieldManager === undefined ? {} : { manager: fieldManager.slice(0, 128) }),
    to: fingerprint(object.spec.template),
    // A manifest that was exported carries a number, too, until the Deployment controller writes its own.
    number: Math.max(revisionNumber(object), revisionNumber(oldObject ?? object)),
    operation: operation === 'CREATE' ? 'Create' : 'Update',
  } as const;
  return writeStamp(stamp, object, namespace, sign);
}

/**
 * The API server's limit for all annotations of an object together, names included, in bytes; less what
 * the Deployment controller adds to the copy that a ReplicaSet gets.
 */
const MAX_ANNOTATIONS = 262_144 - 128;

/** At most three bytes for a unit of UTF-16: exact only where it may matter, which is hardly ever. */
const MOST_BYTES = 3;

interface Marks {
  readonly release: string | undefined;
  readonly actor: string | undefined;
}

function annotate({ metadata }: Deployment, marks: Marks): PatchOp[] {
  const { annotations } = metadata;
  const { release, actor } = fitting(annotations ?? {}, marks);
  const ops = [
    ...setAnnotation(annotations ?? {}, ANNOTATIONS.release, release),
    ...setAnnotation(annotations ?? {}, ANNOTATIONS.actor, actor),
  ];
  const isMissing = annotations === undefined && ops.length > 0;
  return isMissing ? [{ op: 'add', path: '/metadata/annotations', value: {} }, ...ops] : ops;
}

/** A user's write must never be denied because of what AlterShield adds: near the limit it adds less. */
function fitting(annotations: Readonly<Record<string, string>>, marks: Marks): Marks {
  const { [ANNOTATIONS.release]: _, [ANNOTATIONS.actor]: __, ...own } = annotations;
  const texts = Object.entries({ ...own, ...marks }).map(([name, value = '']) => name + value);
  const length = texts.reduce((sum, text) => sum + text.length, 0);
  if (length * MOST_BYTES < MAX_ANNOTATIONS) return marks;
  let left = MAX_ANNOTATIONS - bytesOf(Object.entries(own).flat().join(''));
  const fits = (name: string, value: string | undefined): string | undefined => {
    const size = bytesOf(name + (value ?? ''));
    if (value === undefined || size > left) return undefined;
    left -= size;
    return value;
  };
  const release = fits(ANNOTATIONS.release, marks.release);
  return { release, actor: fits(ANNOTATIONS.actor, marks.actor) };
}

function setAnnotation(
  annotations: Readonly<Record<string, string>>,
  name: string,
  value: string | undefined,
): PatchOp[] {
  if (annotations[name] === value) return [];
  const path = pointer('metadata', 'annotations', name);
  return value === undefined ? [{ op: 'remove', path }] : [{ op: 'add', path, value }];
}
