// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

function demo(...flags: readonly string[]) {
  return spawnSync(process.execPath, ['--conditions=@altershield/source', MAIN, ...flags], {
    encoding: 'utf8',
    timeout: 120_000,
  });
}

test('every statement of the story holds under virtual time', () => {
  const { status, stdout, stderr } = demo('--fast');
  assert.doesNotMatch(stdout, /[\u0000-\u0009\u000B-\u001F\u007F]/);
  assert.equal(status, 0, stdout + stderr);
  const said = [
    'It governs checkout from now on.',
    /Held in the very write that made it/,
    /Batch 1 of 3: 1 pod released.*Pass/,
    /Batch 3 of 3: 7 pods released.*Pass/,
    /Let out to batch 1 only, 1 pod: Fail after [\d.]+ s\. .*ImagePullBackOff/,
    /Rolled back to 1\.1, the last verified revision/,
    /Attempt 1 is denied: AlterShield denies this revision/,
    /Denied 6 of 6 times, and not one more bad pod: 1 ever\./,
    /Success: 1\.3 is the revision to go back to/,
    /Who +system:serviceaccount:flux-system:kustomize-controller \(authenticated at admission\)/,
    /denied 6 times/,
    /The story ended as told: 3 changes of 10 pods each, 1 bad pod ever, 6 denials/,
  ];
  let from = 0;
  for (const sentence of said) {
    const at = stdout.slice(from).search(sentence);
    assert.ok(at >= 0, `${String(sentence)} is not said, or not in its place:\n${stdout}`);
    from += at;
  }
});

test('--help prints the usage, and invalid flags are rejected with it', () => {
  const help = demo('--help');
  assert.deepEqual([help.status, help.stderr], [0, '']);
  assert.match(help.stdout, /--real/);
  for (const flags of [['--slow'], ['--real', '--fast']]) {
    const { status, stderr } = demo(...flags);
    assert.equal(status, 2);
    assert.match(stderr, /npm run demo/);
  }
});
