// SPDX-License-Identifier: Apache-2.0

/** What a kind takes to be supported, beside its adapter. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ADAPTERS, groupKind } from '@altershield/core';
import { VirtualScheduler, createSandbox } from '@altershield/sandbox';
import { CONTRACT } from '../contract/suite.ts';
import { KINDS } from '../support/kinds.ts';
import { Rig } from './rig.ts';

const at = (path: string): URL => new URL(`../../${path}`, import.meta.url);
const read = (path: string): string => readFileSync(at(path), 'utf8');

/** `stateful sets` */
const wordsOf = (kind: string, separator: string): string =>
  kind.replaceAll(/(?<=[a-z])(?=[A-Z])/g, separator).toLowerCase();

/** The topic of the contract that a kind's controller is pinned by. */
const topicOf = (kind: string): string => `${wordsOf(kind, ' ')}s`;

/** Pods of its objects stay: those that run to completion have suites of their own. */
const isInSuite = ({ resource }: Pick<(typeof ADAPTERS)[number]['descriptor'], 'resource'>) =>
  KINDS.some(({ adapter }) => adapter.descriptor.resource === resource);

for (const { descriptor } of ADAPTERS) {
  const { resource, relatedResources } = descriptor;
  const name = groupKind(resource);

  test(`${name}: the sandbox serves the kind and its related resources`, () => {
    const { server } = createSandbox({ scheduler: new VirtualScheduler() });
    const related = Object.values(relatedResources)
      .filter(({ isOptional }) => isOptional !== true)
      .map((one) => one.resource);
    for (const { group, version, kind: wanted } of [resource, ...related]) {
      const apiVersion = group === '' ? version : `${group}/${version}`;
      assert.ok(server.registry.byKind(apiVersion, wanted), `${apiVersion} ${wanted}`);
    }
  });

  test(`${name}: the contract pins its controller`, () => {
    const topic = topicOf(resource.kind);
    assert.ok((CONTRACT[topic] ?? []).length > 0, `the topic ${topic}`);
  });

  test(`${name}: the e2e table has every outcome of a change`, () => {
    const file = isInSuite(descriptor) ? 'kinds' : 'runs';
    const [, kinds = ''] = /KINDS[^=]*= \[([^\]]*)\]/.exec(read(`test/e2e/${file}.test.ts`)) ?? [];
    assert.ok(kinds.includes(`'${resource.kind}'`), `${resource.kind} among ${kinds}`);
  });

  test(`${name}: the documentation says what is supported`, () => {
    const [, table = ''] =
      /<!-- generated:kinds -->(.*)<!-- \/generated:kinds -->/s.exec(
        read('docs/release-control.md'),
      ) ?? [];
    const [header = '', ...rows] = table.trim().split('\n');
    assert.ok(
      header.split('|').some((cell) => cell.trim() === resource.kind),
      header,
    );
    assert.ok(rows.some((row) => row.includes(`\`${descriptor.cliNames[0]}\``)));
  });
}

for (const kind of KINDS) {
  const name = groupKind(kind.adapter.descriptor.resource);

  test(`${name}: the sandbox has its controllers`, async () => {
    assert.ok(kind.controllers.length > 0);
    const rig = await Rig.start({ kind, seed: 1, replicas: 2 });
    assert.equal(rig.count('v1'), 2);
    for (const controller of kind.controllers) rig.sandbox.controllers[controller].stop();
    await rig.evict();
    await rig.step(20_000);
    assert.equal(rig.count('v1'), 1, 'no other controller replaces its pods');
  });
}

for (const { descriptor } of ADAPTERS.filter((adapter) => !isInSuite(adapter.descriptor))) {
  const { kind } = descriptor.resource;
  test(`${kind}: has stories of its own, because this suite is for pods that stay`, () => {
    assert.ok(existsSync(at(`test/sandbox/${wordsOf(kind, '-')}.test.ts`)));
  });
}
