// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import type { Replacement } from '../change/verified.ts';
import type { GoodPolicy } from '../policy/match.ts';
import { fingerprint, isSameTemplate, refusalFingerprint } from '../revision/fingerprint.ts';
import type { Bounds } from '../workload/batches.ts';
import type { Sign } from '../revision/seal.ts';
import {
  claimedFields,
  hasHeldFields,
  heldFields,
  isRecreate,
  ownFieldsOf,
  readHold,
  writeHold,
  type Hold,
  type HoldRecord,
  type OwnFields,
} from '../workload/hold.ts';
import { pointer, type PatchOp } from '../workload/patch.ts';
import { heldOnBounds, holdingBounds, setFields } from '../workload/plan.ts';
import { revisionNumber, type Deployment } from '../workload/types.ts';
import { allow, deny, type Request, type Review } from './review.ts';
import { writeStamp } from './stamp.ts';

/** Why a revision is refused; undefined when it is not. */
export interface Refusal {
  readonly change: string;
  readonly why: string;
  readonly until: string;
}

export interface WorkloadContext {
  /** The policy that governs the object; undefined: none does. */
  readonly policy: GoodPolicy | undefined;
  readonly refusalOf: (refusalFingerprint: string) => Refusal | undefined;
  /** Whether to put this template there is a way back to what was proven good before. */
  readonly isWayBack: (replacement: Replacement) => boolean;
  /** How many pods the revisions of the workload with this uid ask for together; undefined: not known. */
  readonly podsOf: (uid: string) => number | undefined;
  readonly sign: Sign;
  /** Fingerprint of what runs now, where it is known already. Default: computed. */
  readonly fingerprintOf?: (deployment: Deployment) => string;
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
    `AlterShield refuses this revision of Deployment ${namespace}/${name} until ${refusal.until}: ` +
      `it was rolled back (${refusal.why}). Change the pod template, or run: altershield lift deploy/${name} -n ${namespace}. ` +
      `Evidence: altershield why ${refusal.change} -n ${namespace}`,
  );
}

const isChange = ({ object, oldObject }: Request<Deployment>): boolean =>
  oldObject === undefined || !isSameTemplate(object.spec.template, oldObject.spec.template);

/** Holds a change in the very write that makes it, and stamps who made it. */
export function mutateWorkload(request: Request<Deployment>, context: WorkloadContext): Review {
  const { policy } = context;
  const { oldObject } = request;
  if (policy === undefined) return allow();
  if (oldObject !== undefined && !isChange(request)) return keep(request, oldObject, context.sign);
  const refusal = refused(request, context);
  if (refusal !== undefined) return refusal;
  if (oldObject === undefined) return created(request, context.sign);
  const { mode, release } = policy.spec;
  const isHeld = mode === 'Enforce' && release.strategy === 'Batch';
  return isHeld ? hold(request, oldObject, context) : stampOnly(request, oldObject, context.sign);
}

const DEFAULTS: OwnFields = {
  paused: false,
  minReadySeconds: 0,
  progressDeadlineSeconds: 600,
  strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
};

/** A copy of a held object gets its owner's fields, or no pod of it would ever count. */
function created(request: Request<Deployment>, sign: Sign): Review {
  const { object } = request;
  const marks = annotate(object, { hold: undefined, actor: stampText(request, sign) });
  const claimed = claimedFields(object);
  if (claimed === undefined && !hasHeldFields(object)) return allow(marks);
  const gets = claimed === undefined ? 'the defaults of Kubernetes' : 'the ones of its owner';
  const warning = `this is a copy of a Deployment that AlterShield held; as release fields it gets ${gets}`;
  return allow([...marks, ...setFields(object, claimed ?? DEFAULTS)], [warning]);
}

function stampOnly(request: Request<Deployment>, old: Deployment, sign: Sign): Review {
  const { object } = request;
  const before = readHold(old, sign);
  if (before.state === 'Held') return letGo(request, old, { own: before.record.own, sign });
  const text = old.metadata.annotations?.[ANNOTATIONS.hold];
  const held = isFree(before, object) ? undefined : text;
  // A manifest exported while the object was held carries our fields: the owner's are in the object.
  const isExport = hasHeldFields(object) && !hasHeldFields(old);
  const fields = isExport ? setFields(object, ownFieldsOf(old)) : [];
  return allow([...annotate(object, { hold: held, actor: stampText(request, sign) }), ...fields]);
}

/** The owner's fields come back in the write that is held no more. */
function letGo(
  request: Request<Deployment>,
  old: Deployment,
  { own, sign }: { readonly own: OwnFields; readonly sign: Sign },
): Review {
  const { object } = request;
  const marks = annotate(object, { hold: undefined, actor: stampText(request, sign) });
  return allow([...marks, ...setFields(object, adoptEdits(own, old, object))]);
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

function hold(
  request: Request<Deployment>,
  old: Deployment,
  { sign, isWayBack, podsOf, fingerprintOf = freshFingerprint }: WorkloadContext,
): Review {
  const { object } = request;
  const before = readHold(old, sign);
  const to = fingerprint(object.spec.template);
  const actor = stampText(request, sign);
  const isBack = isWayBack({
    uid: old.metadata.uid,
    template: object.spec.template,
    running: old.spec.template,
  });
  if (before.state === 'Held' && (to === before.record.from || isBack)) {
    return letGo(request, old, { own: before.record.own, sign });
  }
  // The way back is never blocked.
  if (isBack && isFree(before, object)) return stampOnly(request, old, sign);
  if (isHeldAlready(withUid(object, old), to, sign))
    return allow(annotate(object, { hold: 'as sent', actor }));
  if (before.state === 'Lost' && hasHeldFields(object)) {
    const pause: PatchOp = { op: 'add', path: pointer('spec', 'paused'), value: true };
    return allow([...annotate(object, { hold: undefined, actor }), pause]);
  }
  const record = recordFor(request, before, { old, to, from: () => fingerprintOf(old) });
  const text = writeHold(record, withUid(object, old), sign);
  const bounds = boundsOfHold(before, old, podsOf);
  const recreate = isRecreate(record.own.strategy);
  const fields = setFields(object, heldFields(record.own, { bounds, paused: true, recreate }));
  return allow(
    [...annotate(object, { hold: text, actor }), ...fields],
    [
      `AlterShield holds this change until it is verified; follow it with: kubectl get changes -n ${request.namespace}`,
    ],
  );
}

const boundsOfHold = (before: Hold, old: Deployment, podsOf: WorkloadContext['podsOf']): Bounds =>
  before.state === 'Held'
    ? heldOnBounds(old, before.record.own)
    : holdingBounds(old, podsOf(old.metadata.uid));

const freshFingerprint = ({ spec }: Deployment): string => fingerprint(spec.template);

/** The webhook may be called again on its own output, by a second policy for instance. */
function isHeldAlready(object: Deployment, to: string, sign: Sign): boolean {
  const now = readHold(object, sign);
  return now.state === 'Held' && now.record.to === to && object.spec.paused === true;
}

function recordFor(
  { id, object }: Request<Deployment>,
  before: Hold,
  { old, to, from }: { readonly old: Deployment; readonly to: string; readonly from: () => string },
): HoldRecord {
  const number = revisionNumber(old);
  if (before.state === 'Held') {
    const own = adoptEdits(before.record.own, old, object);
    return { id, to, from: before.record.from, number, own };
  }
  // A manifest exported while the object was held carries our fields: the owner's are in the object.
  const own = ownFieldsOf(hasHeldFields(object) ? old : object);
  return { id, to, from: from(), number, own };
}

/** The uid is not always in the new object of an update. */
const withUid = (object: Deployment, old: Deployment): Deployment => ({
  ...object,
  metadata: { ...object.metadata, uid: old.metadata.uid },
});

/** What the user changes in a held object is what the user wants back at the end. */
function adoptEdits(own: OwnFields, old: Deployment, object: Deployment): OwnFields {
  const before = ownFieldsOf(old);
  const after = ownFieldsOf(object);
  const pick = <K extends 'paused' | 'minReadySeconds' | 'progressDeadlineSeconds'>(
    field: K,
  ): OwnFields[K] => (before[field] === after[field] ? own[field] : after[field]);
  return {
    paused: pick('paused'),
    minReadySeconds: pick('minReadySeconds'),
    progressDeadlineSeconds: pick('progressDeadlineSeconds'),
    strategy: adoptStrategy(own.strategy, before.strategy, after.strategy),
  };
}

function adoptStrategy(
  own: OwnFields['strategy'],
  before: OwnFields['strategy'],
  after: OwnFields['strategy'],
): OwnFields['strategy'] {
  const [was, is] = [before.rollingUpdate, after.rollingUpdate];
  if (is === undefined) return { type: after.type };
  const base = own.rollingUpdate ?? is;
  const edited = (field: 'maxSurge' | 'maxUnavailable') =>
    was?.[field] === is[field] ? base[field] : is[field];
  return {
    type: after.type,
    rollingUpdate: { maxSurge: edited('maxSurge'), maxUnavailable: edited('maxUnavailable') },
  };
}

/** A write that is no change: what we put there stays, whoever sends what. */
function keep({ object }: Request<Deployment>, old: Deployment, sign: Sign): Review {
  const before = readHold(old, sign);
  const { [ANNOTATIONS.hold]: held, [ANNOTATIONS.actor]: actor } = old.metadata.annotations ?? {};
  if (before.state !== 'Held') {
    return allow(annotate(object, { hold: isFree(before, object) ? undefined : held, actor }));
  }
  const own = adoptEdits(before.record.own, old, object);
  const isEdited = JSON.stringify(own) !== JSON.stringify(before.record.own);
  const text = isEdited ? writeHold({ ...before.record, own }, withUid(object, old), sign) : held;
  const fields = setFields(object, ownFieldsOf(old));
  return allow(
    [...annotate(object, { hold: text, actor }), ...fields],
    fields.length > 0 ? [warningOf(before.record.own, own)] : [],
  );
}

/** Not held, or its record is lost and the owner has written the fields: nothing is left that it could restore. */
const isFree = ({ state }: Hold, object: Deployment): boolean =>
  state === 'None' || (state === 'Lost' && !hasHeldFields(object));

/** A pause, and its end, take effect at once; the other fields do when the change ends. */
function warningOf(before: OwnFields, own: OwnFields): string {
  if (before.paused === own.paused) {
    return 'AlterShield holds a change of this workload: release fields take effect when it ends; see kubectl get changes';
  }
  return own.paused
    ? 'AlterShield lets no more of the change out until kubectl rollout resume; a failure is still acted on'
    : 'AlterShield goes on with the change that it holds; see kubectl get changes';
}

interface Marks {
  /** `as sent`: leave what the object has. */
  readonly hold: string | undefined;
  readonly actor: string | undefined;
}

function annotate({ metadata }: Deployment, { hold: held, actor }: Marks): PatchOp[] {
  const { annotations } = metadata;
  const wanted: [string, string | undefined][] = [
    ...(held === 'as sent' ? [] : [[ANNOTATIONS.hold, held] as [string, string | undefined]]),
    [ANNOTATIONS.actor, actor],
  ];
  const ops = wanted.flatMap(([name, value]) => setAnnotation(annotations ?? {}, name, value));
  const isMissing = annotations === undefined && ops.length > 0;
  return isMissing ? [{ op: 'add', path: '/metadata/annotations', value: {} }, ...ops] : ops;
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
