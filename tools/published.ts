// SPDX-License-Identifier: Apache-2.0
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGES = join(import.meta.dirname, '../packages');

/** The folders of the packages that are published: all but the private ones. */
export const publishedFolders = (): readonly string[] =>
  readdirSync(PACKAGES)
    .map((name) => join(PACKAGES, name))
    .filter((folder) => {
      const text = readFileSync(join(folder, 'package.json'), 'utf8');
      const { private: isPrivate = false } = JSON.parse(text) as { readonly private?: boolean };
      return !isPrivate;
    });
