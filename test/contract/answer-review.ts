// SPDX-License-Identifier: Apache-2.0

import type { ReviewRequest, ReviewResponse } from './target.ts';

/** The bytes of an answer to the bytes of a review. */
export function answerReview(
  review: Uint8Array,
  answer: (request: ReviewRequest) => ReviewResponse,
): string {
  const { request } = JSON.parse(Buffer.from(review).toString('utf8')) as {
    request: ReviewRequest;
  };
  const { denied, patch, warnings = [] } = answer(request);
  const response = {
    uid: request.uid,
    allowed: denied === undefined,
    ...(denied === undefined ? {} : { status: denied }),
    ...(patch === undefined
      ? {}
      : { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }),
    ...(warnings.length > 0 ? { warnings } : {}),
  };
  return JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response });
}
