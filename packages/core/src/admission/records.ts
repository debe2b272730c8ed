// SPDX-License-Identifier: Apache-2.0
import { canonical } from '../revision/fingerprint.ts';
import { explainErrors } from '../policy/field.ts';
import { parsePolicy, type PolicyPlace } from '../policy/validate.ts';
import { asRecord } from '../workload/types.ts';
import { allow, deny, type Request, type Review } from './review.ts';

type Json = Readonly<Record<string, unknown>>;

/** Refuses a policy with every problem it has, by field. */
export function validatePolicy({ object }: Request<Json>, place: PolicyPlace): Review {
  const parsed = parsePolicy(object['spec'], place);
  return parsed.ok ? allow() : deny('Invalid', explainErrors(parsed.errors));
}

/** Stamps who decided and when, whatever the request claims. */
export function stampDecision({ object, oldObject, user }: Request<Json>, now: string): Review {
  const decision = asRecord(object['spec'])['decision'];
  const before = asRecord(oldObject?.['spec'])['decision'];
  if (decision === undefined || canonical(decision) === canonical(before)) return allow();
  return allow([
    { op: 'add', path: '/spec/decision/by', value: user.name.slice(0, 512) },
    { op: 'add', path: '/spec/decision/at', value: now },
  ]);
}

/** Records are the operator's: people write nothing but their decision. */
export function validateRecord(
  { object, oldObject, operation }: Request<Json>,
  subresource: string,
): Review {
  const what = `${String(object['kind'])} ${String(asRecord(object['metadata'])['name'])}`;
  if (operation === 'CREATE') {
    return deny('Forbidden', `${what}: records of changes are written by the operator alone`);
  }
  if (subresource === 'status') {
    return deny('Forbidden', `${what}: its status is written by the operator alone`);
  }
  return canonical(undecided(object)) === canonical(undecided(oldObject ?? {}))
    ? allow()
    : deny(
        'Forbidden',
        `${what}: only spec.decision can be edited; use altershield resume, rollback or lift`,
      );
}

const undecided = (object: Json): Json => {
  const { decision: _, ...spec } = asRecord(object['spec']);
  return spec;
};
