// SPDX-License-Identifier: Apache-2.0
import { fingerprint, type Template } from '@altershield/core';

/** Remembers the fingerprint of each template object that is in memory. */
export class Fingerprints {
  readonly #known = new WeakMap<Template, string>();

  readonly of = (template: Template): string => {
    const known = this.#known.get(template);
    if (known !== undefined) return known;
    const made = fingerprint(template);
    this.#known.set(template, made);
    return made;
  };
}
