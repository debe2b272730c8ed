// SPDX-License-Identifier: Apache-2.0
import { GROUP, type ChangeWorkload } from '@altershield/api';
import { canonicalJson } from '../json/canonical.ts';
import type { Signer } from '../hold/signature.ts';
import { explainErrors } from '../policy/field.ts';
import { exemptionReason } from '../policy/match.ts';
import { parsePolicy, type PolicyScope } from '../policy/validate.ts';
import { asJsonObject } from '../json/json.ts';
import { decisionSignature } from './decision-signature.ts';
import { allow, deny, type Request, type Review } from './review.ts';

type Json = Readonly<Record<string, unknown>>;

/** Denies a policy with all of its errors, by field; warns if the policy can match nothing. */
export function validatePolicy({ object }: Request<Json>, place: PolicyScope): Review {
  const parsed = parsePolicy(object['spec'], place);
  if (!parsed.ok) return deny('Invalid', explainErrors(parsed.errors));
  const futile = exemptionReason(place.namespace, place.operatorNamespace);
  return allow([], futile === undefined ? [] : [`AlterShield: ${futile}`]);
}

/** Sets the user and the time of a decision, whatever the request says. */
export function signDecision(
  { object, oldObject, user, namespace }: Request<ChangeWorkload>,
  { now, sign }: { readonly now: string; readonly sign: Signer },
): Review {
  const { decision } = object.spec;
  if (
    decision === undefined ||
    canonicalJson(decision) === canonicalJson(oldObject?.spec.decision)
  ) {
    return allow();
  }
  const signed = { ...decision, by: user.name.slice(0, 512), at: now };
  const signature = decisionSignature(signed, { namespace, name: object.metadata.name }, sign);
  return allow([{ op: 'add', path: '/spec/decision', value: { ...signed, signature } }]);
}

/** Records belong to the operator: users may only write their decision and their own labels. */
export function validateRecord(
  { object, oldObject, operation }: Request<Json>,
  subresource: string,
): Review {
  const what = `${String(object['kind'])} ${String(asJsonObject(object['metadata'])['name'])}`;
  if (operation === 'CREATE') {
    return deny('Forbidden', `${what}: records of changes are written by the operator alone`);
  }
  if (subresource === 'status') {
    return deny('Forbidden', `${what}: its status is written by the operator alone`);
  }
  return canonicalJson(recorded(object)) === canonicalJson(recorded(oldObject ?? {}))
    ? allow()
    : deny(
        'Forbidden',
        `${what}: only spec.decision can be edited, and labels and annotations that are not ours; use altershield resume, rollback or lift`,
      );
}

/**
 * The part of a record that the operator wrote: its spec without the decision, and AlterShield's
 * annotations and labels.
 */
function recorded(object: Json): Json {
  const { decision: _, ...spec } = asJsonObject(object['spec']);
  const { annotations, labels } = asJsonObject(object['metadata']);
  return { spec, annotations: marksOf(annotations), labels: marksOf(labels) };
}

const marksOf = (map: unknown): Json =>
  Object.fromEntries(
    Object.entries(asJsonObject(map)).filter(([key]) => key.startsWith(`${GROUP}/`)),
  );
