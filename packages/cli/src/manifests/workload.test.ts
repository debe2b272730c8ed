// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_OPTIONS } from './manifest.ts';
import { workload } from './workload.ts';

interface Deployment {
  readonly strategy: { readonly rollingUpdate: object };
  readonly template: {
    readonly spec: {
      readonly terminationGracePeriodSeconds: number;
      readonly containers: readonly {
        readonly args: readonly string[];
        readonly startupProbe: {
          readonly periodSeconds: number;
          readonly failureThreshold: number;
        };
      }[];
    };
  };
}

const { strategy, template } = workload(DEFAULT_OPTIONS).find(
  ({ kind }) => kind === 'Deployment',
)?.['spec'] as Deployment;
const [container] = template.spec.containers;

test('the kubelet gives a replica the time to leave: its delay, and 25 s for its work to end', () => {
  const args = container?.args ?? [];
  const delay = Number(args[args.indexOf('--shutdown-delay-seconds') + 1]);
  assert.ok(delay > 0);
  assert.ok(template.spec.terminationGracePeriodSeconds > delay + 25);
});

test('the kubelet waits for a replica that waits for a busy API server', () => {
  const { periodSeconds = 0, failureThreshold = 0 } = container?.startupProbe ?? {};
  assert.ok(periodSeconds * failureThreshold >= 600);
});

test('a new version removes no replica before its successor is ready', () => {
  assert.deepEqual(strategy.rollingUpdate, { maxUnavailable: 0, maxSurge: 1 });
});
