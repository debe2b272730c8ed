// SPDX-License-Identifier: Apache-2.0
import {
  ChangeApprovalKind,
  ChangeCheckKind,
  ChangePodKind,
  ChangePolicyKind,
  ChangeWorkloadKind,
  GROUP,
  MetricSourceKind,
  toCrd,
} from '@altershield/api';
import { labels, type Manifest } from './manifest.ts';

/** Every kind of AlterShield, in the order of the documentation. */
export const KINDS = [
  ChangePolicyKind,
  ChangeWorkloadKind,
  ChangePodKind,
  ChangeApprovalKind,
  ChangeCheckKind,
  MetricSourceKind,
] as const;

export const crds = (): Manifest[] =>
  KINDS.map((kind) => {
    const crd = toCrd(kind);
    const name = `${kind.plural}.${GROUP}`;
    return {
      ...crd,
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name, labels },
    };
  });
