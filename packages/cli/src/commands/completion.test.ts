// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { FakeCluster, invoke } from '@altershield/testing/fake-cluster';
import { aChange } from '@altershield/testing/stored-objects';

const scriptFor = async (shell: string): Promise<string> => {
  const { code, out } = await invoke(new FakeCluster(), `completion ${shell}`, 0);
  assert.equal(code, 0);
  return out;
};

const has = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0;

/** The completions of bash for a line; a function replaces `altershield` and prints its arguments. */
function complete(script: string, words: readonly string[]): string[] {
  const run = `
altershield() { printf '%s\\n' "$#" "$@"; printf 'deploy/web\\tsaid of it\\n'; }
${script}
COMP_WORDS=(altershield ${words.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length}
_altershield
printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', run], { encoding: 'utf8' }).split('\n').slice(0, -1);
}

const OFFERS: readonly (readonly [string, readonly string[]])[] = [
  ['un', ['uninstall']],
  ['__', []],
  ['get p', ['policies']],
  ['get --out', ['--output']],
  ['get -o ', ['wide', 'name', 'json', 'yaml']],
  ['get -o = y', ['yaml']],
  ['why --output ', ['json', 'yaml']],
  ['completion ', ['bash', 'zsh', 'fish']],
  ['why --kube', ['--kubeconfig']],
  ['resume --t', ['--timeout']],
  ['resume --timeout ', []],
  ['why ', ['deploy/checkout']],
  ['why deploy/checkout ', []],
  ['why -n other ', ['deploy/other']],
  ['-n other why ', ['deploy/other']],
  ['--namespace=other why deploy/', ['deploy/other']],
  ['--context other -n shop lift ', ['deploy/checkout']],
  ['nonsense ', []],
];

describe('completion', () => {
  const inNamespace = (namespace: string, name: string) => {
    const change = aChange({ phase: 'Success' });
    const { spec, metadata } = change;
    return {
      ...change,
      metadata: { ...metadata, namespace },
      spec: { ...spec, target: { ...spec.target, name } },
    };
  };
  const ours = (namespace: string) =>
    `/apis/altershield.io/v1alpha1/namespaces/${namespace}/changeworkloads`;
  const cluster = new FakeCluster()
    .put(ours('shop'), inNamespace('shop', 'checkout'))
    .put(ours('other'), inNamespace('other', 'other'));

  for (const [line, offered] of OFFERS) {
    it(`after "${line}" is ${offered.join(', ') || 'nothing'}`, async () => {
      const { code, out, err } = await invoke(cluster, `__complete -- ${line}`, 0);
      assert.deepEqual([code, err], [0, '']);
      const lines = out.split('\n').filter((each) => each !== '');
      assert.deepEqual(
        lines.map((each) => each.split('\t')[0]),
        offered,
      );
    });
  }

  it('includes descriptions', async () => {
    const { out } = await invoke(cluster, '__complete -- vers', 0);
    assert.equal(out, 'version\tprint client, server and operator versions (where available)');
  });

  it('ends, for kubectl, with the directive against file names', async () => {
    const { out } = await invoke(cluster, '__complete --for-kubectl -- get p', 0);
    assert.equal(out, 'policies\n:4');
  });

  it('is empty when the cluster is unreachable', async () => {
    assert.deepEqual(await invoke(new FakeCluster(), '__complete -- why ', 0), {
      code: 0,
      out: '',
      err: '',
    });
  });
});

describe('completion', () => {
  it('asks the program in bash with the words as they are', { skip: !has('bash') }, async () => {
    const script = await scriptFor('bash');
    assert.deepEqual(complete(script, ['-n', 'shop', 'why', '']), [
      ...['6', '__complete', '--', '-n', 'shop', 'why', ''],
      'deploy/web',
    ]);
  });

  for (const shell of ['bash', 'zsh', 'fish']) {
    it(`is for both names of the program in ${shell}`, async () => {
      assert.match(await scriptFor(shell), /altershield kubectl-altershield/);
    });

    it(`is a script that ${shell} can read`, { skip: !has(shell) }, async () => {
      const script = await scriptFor(shell);
      execFileSync(shell, ['-n'], { input: script });
    });
  }

  it('lists the supported shells', async () => {
    const { code, err } = await invoke(new FakeCluster(), 'completion tcsh', 0);
    assert.equal(code, 2);
    assert.match(err, /no completion for "tcsh"\nHint: {2}use bash, zsh, fish/);
  });
});
