// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ChangePolicyKind, MetricSourceKind } from '@altershield/api';
import { parse, parseAllDocuments } from 'yaml';
import { EXIT } from './exit.ts';
import { FakeCluster, invoke } from '@altershield/testing/fake-cluster';
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

describe('the README', async () => {
  const text = await readFile(new URL('README.md', ROOT), 'utf8');
  const commands = [...text.matchAll(/^\$ (.*)$/gm)].flatMap(([, line = '']) => line.split(' && '));
  const after = (start: string): string[] =>
    commands.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length));

  it('uses valid command lines', async () => {
    const lines = after('npx altershield ');
    assert.ok(lines.length >= 3);
    for (const line of lines) {
      const words = line.replaceAll(/'[^']*'/g, 'text');
      const { code, err } = await invoke(new FakeCluster(), words, 0);
      assert.notEqual(code, EXIT.usage, `${line}: ${err}`);
    }
  });

  it('runs existing scripts', async () => {
    const { scripts } = JSON.parse(await readFile(new URL('package.json', ROOT), 'utf8')) as {
      readonly scripts: Readonly<Record<string, string>>;
    };
    const names = after('npm run ').map((line) => line.split(' ')[0] ?? '');
    assert.ok(names.length >= 3);
    for (const name of names) assert.ok(name in scripts, name);
  });

  it('creates its policy in the namespace where it lists changes', () => {
    const [apply = ''] = commands.filter((line) => line.includes('examples/'));
    assert.match(apply, /^kubectl apply -n shop -f examples\/policy-web\.yaml$/);
    assert.deepEqual(after('kubectl get changes'), [
      ' -n shop --sort-by=.metadata.creationTimestamp',
    ]);
  });
});

describe('the command line in a clone', () => {
  it('runs the sources, without a build', () => {
    const launcher = fileURLToPath(new URL('packages/cli/bin/altershield.js', ROOT));
    const run = spawnSync(process.execPath, [launcher, '--version'], { encoding: 'utf8' });
    assert.deepEqual([run.status, run.stdout.trim()], [0, RELEASE]);
  });
});

describe('the examples', async () => {
  const names = await readdir(new URL('examples/', ROOT));
  const policies = names.filter((name) => name.startsWith('policy-'));

  it('exist', () => {
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

  for (const path of ['examples/metric-source.yaml', 'docs/metric-sources.md']) {
    it(`${path} has MetricSources that the schema accepts`, async () => {
      const text = await readFile(new URL(path, ROOT), 'utf8');
      const blocks = [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, block = '']) => block);
      const documents = path.endsWith('.md') ? blocks : [text];
      assert.ok(documents.length > 0);
      for (const document of documents) {
        const { kind, spec } = parse(document) as Record<string, unknown>;
        assert.equal(kind, 'MetricSource');
        MetricSourceKind.spec.parse(spec);
      }
    });
  }
});
