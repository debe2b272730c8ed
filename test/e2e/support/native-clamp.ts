// SPDX-License-Identifier: Apache-2.0

import type { ClusterAccess } from '../../cluster/access.ts';

const ADMISSION = '/apis/admissionregistration.k8s.io/v1';

/** Why a test is skipped. */
export const NO_NATIVE_CLAMP = 'this API server has no MutatingAdmissionPolicy';

/** Whether the API server can clamp by itself: Kubernetes 1.36 and later. */
export async function servesNativeClamp(cluster: ClusterAccess): Promise<boolean> {
  const { resources } = (await cluster.call({ path: ADMISSION })) as {
    readonly resources: readonly { readonly name: string }[];
  };
  return resources.some(({ name }) => name === 'mutatingadmissionpolicies');
}
