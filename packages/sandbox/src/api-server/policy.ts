// SPDX-License-Identifier: Apache-2.0
import type { KubeObject, APIResource } from '@altershield/kube';
import type { StoredObject } from '../json.ts';
import type { AdmissionAttributes, Subresource, UserInfo } from './call.ts';
import { StatusError } from './failure.ts';

/** One creation or update as a policy sees it. */
export interface PolicyAttributes {
  readonly operation: 'CREATE' | 'UPDATE';
  readonly resource: APIResource;
  readonly subresource: Subresource;
  readonly object: KubeObject;
  /** Undefined for a creation. */
  readonly oldObject: KubeObject | undefined;
  readonly userInfo: UserInfo;
}

/**
 * A MutatingAdmissionPolicy as a function: returns the mutated or the same object. An error denies the write,
 * as an expression that cannot be evaluated does under `failurePolicy: Fail`.
 */
export type MutatingPolicy = (attributes: PolicyAttributes) => KubeObject;

/** The object after the policy; the same object when the policy does not change it. */
export function applyPolicy(
  policy: MutatingPolicy,
  { call, operation, object, oldObject }: AdmissionAttributes,
): StoredObject | undefined {
  if (operation === 'DELETE' || object === undefined) return object;
  const { definition, subresource, user } = call;
  const { resource } = definition;
  try {
    const seen = { operation, resource, subresource, object, oldObject, userInfo: user };
    return policy(seen) as StoredObject;
  } catch (error) {
    throw denial(error);
  }
}

/** The server answers 403, and says `Invalid` as the reason. */
function denial(error: unknown): StatusError {
  const why = error instanceof Error ? error.message : String(error);
  const message = `policy 'sandbox' with binding 'sandbox' denied request: ${why}`;
  return new StatusError({
    code: 403,
    reason: 'Invalid',
    message,
    details: { causes: [{ message }] },
  });
}
