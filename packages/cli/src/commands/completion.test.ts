// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { FakeCluster, invoke } from '../testing/fake-cluster.ts';

const scriptFor = async (shell: string): Promise<string> => {
  const { code, out } = await invoke(new FakeCluster(), `completion ${shell}`, 0);
  assert.equal(code, 0);
  return out;
};

const has = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0;

/** What bash offers for a line; `altershield` itself is a function that knows two workloads. */
function complete(script: string, words: readonly string[]): string[] {
  const run = `
altershield() { echo deploy/checkout; echo deploy/web; }
${script}
COMP_WORDS=(altershield ${words.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length}
_altershield
printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', run], { encoding: 'utf8' }).split('\n').filter(Boolean);
}

describe('completion', () => {
  it('offers commands, words, options and workloads in bash', { skip: !has('bash') }, async () => {
    const script = await scriptFor('bash');
    assert.deepEqual(complete(script, ['un']), ['uninstall']);
    assert.deepEqual(complete(script, ['get', 'p']), ['policies']);
    assert.deepEqual(complete(script, ['why', 'deploy/c']), ['deploy/checkout']);
    assert.deepEqual(complete(script, ['resume', '--t']), ['--timeout']);
    assert.deepEqual(complete(script, ['why', '--kube']), ['--kubeconfig']);
  });

  for (const shell of ['zsh', 'fish']) {
    it(`names every command for ${shell}`, async () => {
      const script = await scriptFor(shell);
      for (const name of ['get', 'why', 'resume', 'rollback', 'lift', 'install', 'uninstall']) {
        assert.match(script, new RegExp(`\\b${name}\\b`));
      }
      assert.match(script, /altershield get changes --output name/);
    });

    it(`is a script that ${shell} can read`, { skip: !has(shell) }, async () => {
      const script = await scriptFor(shell);
      execFileSync(shell, ['-n'], { input: script });
    });
  }

  it('names the shells that it knows', async () => {
    const { code, err } = await invoke(new FakeCluster(), 'completion tcsh', 0);
    assert.equal(code, 2);
    assert.match(err, /no completion for "tcsh"\nCure: {2}use bash, zsh, fish/);
  });
});
