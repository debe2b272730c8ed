// SPDX-License-Identifier: Apache-2.0
import {
  ANNOTATIONS,
  API_VERSION,
  CHANGE_WORKLOADS,
  LABELS,
  type ChangeWorkloadSpec,
} from '@altershield/api';
import { changeName, type Signing } from '@altershield/core';
import { isAlreadyExists, type WriteThroughClient } from '@altershield/kube';
import { recordSignature } from './signature.ts';

export interface CreateDeps {
  readonly client: WriteThroughClient;
  readonly signing: Signing;
}

/** Creates the signed record of a change. Rejects if another change has its name. */
export async function createRecord(
  namespace: string,
  spec: ChangeWorkloadSpec,
  { client, signing }: CreateDeps,
  signal: AbortSignal,
): Promise<void> {
  const name = changeName(spec.target.kind, spec.target.name, spec.sequence);
  const body = {
    apiVersion: API_VERSION,
    kind: CHANGE_WORKLOADS.kind,
    metadata: {
      namespace,
      name,
      labels: { [LABELS.targetUid]: spec.target.uid },
      annotations: {
        [ANNOTATIONS.signature]: recordSignature(namespace, name, spec, signing.sign),
      },
    },
    spec,
  };
  try {
    await client.create(CHANGE_WORKLOADS, namespace, body, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    throw new Error(`record change ${namespace}/${name}: it is not in the cache yet`, {
      cause: error,
    });
  }
}
