// SPDX-License-Identifier: Apache-2.0
import { GROUP, KINDS, toCrd } from '@altershield/api';
import { labels, type Manifest } from './manifest.ts';

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
