// SPDX-License-Identifier: Apache-2.0
import type { APIResource, ObjectKey } from '@altershield/kube';
import { asJsonObject, dig, list, text, type Json } from '../json.ts';
import type { UserInfo } from './call.ts';
import type { Registry } from './registry.ts';

export interface AccessRequest {
  readonly user: UserInfo;
  readonly verb: string;
  readonly resource: APIResource;
  readonly subresource: string;
  readonly key: ObjectKey;
}

const PATH = '/apis/authorization.k8s.io/v1/subjectaccessreviews';

export const isAccessReview = ({ method, path }: { method: string; path: string }): boolean =>
  method === 'POST' && path.split('?')[0] === PATH;

/** Answers a SubjectAccessReview: it is stored nowhere. */
export function answerAccessReview(
  review: Json,
  registry: Registry,
  authorize: ((request: AccessRequest) => boolean) | undefined,
): Json {
  const { user, groups, resourceAttributes } = asJsonObject(review['spec']);
  const asked = asJsonObject(resourceAttributes);
  const [group, plural] = [text(asked['group']), text(asked['resource'])];
  const known = registry
    .all()
    .find(({ resource }) => resource.group === group && resource.plural === plural);
  const allowed = authorize?.({
    user: { username: text(user), groups: list(groups).map(text) },
    verb: text(asked['verb']),
    resource: known?.resource ?? { group, plural, version: '', kind: '', namespaced: true },
    subresource: text(asked['subresource']),
    key: { namespace: text(asked['namespace']), name: text(dig(asked, 'name')) },
  });
  return { ...review, status: { allowed: allowed !== false } };
}
