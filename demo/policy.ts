// SPDX-License-Identifier: Apache-2.0
import { changePolicySpec } from '@altershield/api';
import { stepsFor } from '@altershield/core';
import { parse } from 'yaml';

/** What the team writes: applied exactly as it is shown. */
export const POLICY_YAML = `apiVersion: altershield.io/v1alpha1
kind: ChangePolicy
metadata: { name: web, namespace: shop }
spec:
  target:
    selector: { matchLabels: { tier: web } }
  release:
    batches: [1, 30%, 100%]
    soakSeconds: 2
  onFail: RollBack`;

export const REPLICAS = 10;

interface PolicyManifest {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: unknown;
}

export const policy = parse(POLICY_YAML) as PolicyManifest;

/** Pods of the new revision after each batch: 1, 3, 10. */
export const TARGETS: readonly number[] = stepsFor(
  changePolicySpec.parse(policy.spec).release,
  'Batch',
  { size: REPLICAS, isAllOrNothing: false },
).map(({ target }) => target);
