// SPDX-License-Identifier: Apache-2.0

/** The versions whose differences the sandbox knows. */
export type KubernetesVersion = '1.36' | '1.37';

export const DEFAULT_KUBERNETES: KubernetesVersion = '1.36';

const isFrom137 = (kubernetes: KubernetesVersion): boolean => kubernetes !== '1.36';

/** Whether StatefulSets have `maxUnavailable`: the gate is on by default from 1.37. */
export const hasMaxUnavailable = isFrom137;

/** Whether a StatefulSet with OnDelete, too, is complete once its last pod is updated: from 1.37. */
export const completesOnDelete = isFrom137;

/** Whether an error names the field of a StatefulSet that must not change, and not all others: from 1.37. */
export const namesFixedFields = isFrom137;
