// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import type { ReplicaSetWrite } from '@altershield/core';

const hash = fc.constantFrom('', 'v1', 'v2', 'v3');
const count = fc.oneof(fc.nat(12), fc.constantFrom(999_999_999, 1_000_000_007, 2_147_483_647));
const release = fc
  .tuple(fc.constantFrom('v1', 'v1', 'v2'), fc.constantFrom('', '-', 'v2', 'v3'), count, count)
  .map((parts) => parts.join('/'));
/** What people and tools make of an annotation. */
const garbage = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.constantFrom(
    '',
    '/',
    '///',
    'v1/v2/3',
    'v1/v2/-3/10',
    'v1/v2/3/10/',
    'v1/v2/3.0/10',
    'V1//0/1',
  ),
  fc.constantFrom('v1/v2/3/10\n', ' v1/v2/3/10', 'v1/v2/x/10', 'v1/--/0/10', '/v2/3/10', '{}'),
);
const desired = fc.option(
  fc.oneof(
    { weight: 6, arbitrary: count.map(String) },
    fc.constantFrom('', '-1', 'x', '007', '1e3', '10 '),
  ),
  { nil: undefined },
);
const text = fc.option(
  fc.oneof({ weight: 4, arbitrary: release }, { weight: 1, arbitrary: garbage }),
  { nil: undefined },
);

/** Any write of a ReplicaSet: sensible ones mostly, garbage now and then. */
export const anyWrite: fc.Arbitrary<ReplicaSetWrite> = fc
  .record({
    release: text,
    hash,
    asked: count,
    was: fc.option(count, { nil: undefined }),
    desired,
    oldDesired: desired,
    isScaling: fc.boolean(),
  })
  .map(({ isScaling, oldDesired, ...write }) => ({
    ...write,
    oldDesired: isScaling ? oldDesired : write.desired,
  }));

const DESIRED = 'deployment.kubernetes.io/desired-replicas';

/** The write as the API server sees it: the new object and the stored one. */
export const objectsOf = ({ release, hash, asked, was, desired, oldDesired }: ReplicaSetWrite) => ({
  object: replicaSet(hash, asked, { 'altershield.io/release': release, [DESIRED]: desired }),
  oldObject: was === undefined ? null : replicaSet(hash, was, { [DESIRED]: oldDesired }),
});

function replicaSet(
  podTemplateHash: string,
  replicas: number,
  values: Readonly<Record<string, string | undefined>>,
) {
  const annotations = Object.entries(values).filter(([, value]) => value !== undefined);
  return {
    metadata: {
      ...(annotations.length > 0 ? { annotations: Object.fromEntries(annotations) } : {}),
      ...(podTemplateHash === '' ? {} : { labels: { 'pod-template-hash': podTemplateHash } }),
    },
    spec: { replicas },
  };
}
