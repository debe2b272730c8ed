// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';

const USAGE = `npm run demo [-- --real | --fast]

Tells how a bad rollout is held, judged, taken back, refused and explained, by the operator's own code.

  (no flag)  against a simulated cluster in this process, its clock twice as fast: well under a minute
  --fast     the same under virtual time, without waiting: for tests
  --real     against a real control plane with simulated nodes; the first run builds it, which takes minutes
  --help     this text

Exit code 0 if the story ended as told, 1 if not, 2 for a wrong command line, 130 when interrupted.`;

function readFlags(): { readonly real: boolean; readonly fast: boolean } | number {
  try {
    const flag = { type: 'boolean', default: false } as const;
    const { values } = parseArgs({ options: { real: flag, fast: flag, help: flag } });
    if (values.real && values.fast) throw new Error('--real and --fast exclude each other');
    if (!values.help) return values;
    console.log(USAGE);
    return 0;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 2;
  }
}

const flags = readFlags();
if (typeof flags === 'number') process.exitCode = flags;
else {
  const where = flags.real ? 'a real control plane' : 'a simulated cluster';
  console.log(`AlterShield: a good and a bad rollout on ${where}. Ctrl-C ends it.`);
  // Loaded only now, so that the first line does not wait for the rest of the program.
  const { play } = await import('./play.ts');
  process.exit(await play(flags));
}
