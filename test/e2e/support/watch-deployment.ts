// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import type { Deployment } from '@altershield/core';
import type { ClusterAccess } from '../../cluster/access.ts';
import { ObjectWatch, type Watched } from './watch-objects.ts';

type Object = Deployment & Watched;

/** One state of a Deployment, and when it was seen; milliseconds of `performance.now()`. */
interface State {
  readonly at: number;
  readonly deployment: Object;
}

/** Every state that a Deployment went through, from a watch. */
export class DeploymentRecorder {
  readonly states: State[] = [];
  readonly #watch: ObjectWatch<Object>;

  constructor(cluster: ClusterAccess, namespace: string, name: string, plural = 'deployments') {
    const collection = {
      endpoint: cluster.endpoint('admin'),
      path: `/apis/apps/v1/namespaces/${namespace}/${plural}`,
      query: `fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`,
    };
    this.#watch = new ObjectWatch<Object>(collection, (_, deployment) => {
      this.states.push({ at: performance.now(), deployment });
    });
  }

  async start(): Promise<void> {
    await this.#watch.start();
  }

  async stop(): Promise<void> {
    await this.#watch.stop();
  }

  /** No field beside the template was ever other than the user wrote it, who changed only the template since then. */
  assertSpecKept(spec: Deployment['spec'], since = 0): void {
    for (const { at, deployment } of this.states) {
      if (at < since) continue;
      assert.deepEqual(deployment.spec, { ...spec, template: deployment.spec.template });
    }
  }

  /** The annotations with the product's prefix that it ever had, by their names. */
  annotations(prefix = 'altershield.io/'): readonly string[] {
    const names = this.states.flatMap(({ deployment: { metadata } }) =>
      Object.keys(metadata.annotations ?? {}),
    );
    return [...new Set(names.filter((name) => name.startsWith(prefix)))].sort();
  }
}
