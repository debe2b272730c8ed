// SPDX-License-Identifier: Apache-2.0
import { GROUP } from '@altershield/api';
import { canonicalJson } from '../json/canonical.ts';
import { explainErrors } from '../policy/field.ts';
import { exemptionReason } from '../policy/match.ts';
import { parsePolicy, type PolicyScope } from '../policy/validate.ts';
import { asJsonObject } from '../json/json.ts';
import { allow, deny, type Request, type Review } from './review.ts';

type Json = Readonly<Record<string, unknown>>;

/** Denies a policy with all of its errors, by field; warns if the policy can match nothing. */
export function validatePolicy({ object }: Request<Json>, place: PolicyScope): Review {
  const parsed = parsePolicy(object['spec'], place);
  if (!parsed.ok) return deny('Invalid', explainErrors(parsed.errors));
  const futile = exemptionReason(place.namespace, place.operatorNamespace);
  return allow([], futile === undefined ? [] : [`AlterShield: ${futile}`]);
}

/** Records belong to the operator: users may only write labels and annotations of their own. */
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
        `${what}: only labels and annotations that are not of altershield.io can be edited; decide with \`altershield resume\`, \`rollback\` or \`lift\``,
      );
}

/**
 * The part of a record that the operator wrote: its spec, and AlterShield's
 * annotations and labels.
 */
function recorded(object: Json): Json {
  const spec = asJsonObject(object['spec']);
  const { annotations, labels } = asJsonObject(object['metadata']);
  return { spec, annotations: marksOf(annotations), labels: marksOf(labels) };
}

const marksOf = (map: unknown): Json =>
  Object.fromEntries(
    Object.entries(asJsonObject(map)).filter(([key]) => key.startsWith(`${GROUP}/`)),
  );
