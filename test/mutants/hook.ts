// SPDX-License-Identifier: Apache-2.0
import { registerHooks } from 'node:module';
import { MUTANTS } from './mutants.ts';

// Plants one mistake while the sources are loaded: no file changes, and two can run at once.
const mutant = MUTANTS.find(({ name }) => name === process.env['MUTANT']);

registerHooks({
  load: (url, context, next) => {
    const loaded = next(url, context);
    if (mutant === undefined || !url.endsWith(`/packages/${mutant.file}`)) return loaded;
    const text = Buffer.from(loaded.source as Uint8Array).toString();
    const source = text.replace(mutant.find, () => mutant.replace);
    return { ...loaded, source };
  },
});
