// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { ChangePolicyKind } from '@altershield/api';
import { parseAllDocuments } from 'yaml';
import { RELEASE } from './version.ts';

const ROOT = new URL('../../../', import.meta.url);

describe('the release', () => {
  it('is one version in every package', async () => {
    const names = await readdir(new URL('packages/', ROOT));
    const folders = ['', ...names.map((name) => `packages/${name}/`)];
    for (const folder of folders) {
      const text = await readFile(new URL(`${folder}package.json`, ROOT), 'utf8').catch(
        () => undefined,
      );
      if (text !== undefined) assert.match(text, new RegExp(`"version": "${RELEASE}"`), folder);
    }
  });
});

describe('the examples', async () => {
  const names = await readdir(new URL('examples/', ROOT));
  const policies = names.filter((name) => name.startsWith('policy-'));

  it('are there', () => {
    assert.ok(policies.length >= 2);
  });

  for (const name of policies) {
    it(`${name} is a policy that the schema accepts`, async () => {
      const text = await readFile(new URL(`examples/${name}`, ROOT), 'utf8');
      for (const document of parseAllDocuments(text)) {
        const object: unknown = document.toJSON();
        assert.ok(typeof object === 'object' && object !== null);
        const { apiVersion, kind, spec } = object as Record<string, unknown>;
        assert.deepEqual([apiVersion, kind], ['altershield.io/v1alpha1', 'ChangePolicy']);
        ChangePolicyKind.spec.parse(spec);
      }
    });
  }
});
