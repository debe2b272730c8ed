// SPDX-License-Identifier: Apache-2.0
import { ADMIN, VirtualScheduler, createSandbox, type Sandbox } from '@altershield/sandbox';
import type { KubeObject } from '@altershield/kube';
import { storeType, type KindUnderTest } from '../support/kinds.ts';

/**
 * An API server without controllers and without AlterShield that gets the same writes of users: what its
 * workload says is what the user wants.
 */
export class Twin {
  readonly #sandbox: Sandbox;

  constructor() {
    this.#sandbox = createSandbox({ scheduler: new VirtualScheduler(), namespaces: ['shop'] });
    for (const controller of Object.values(this.#sandbox.controllers)) controller.stop();
  }

  get(kind: KindUnderTest): KubeObject {
    const found = this.#sandbox.get(storeType(kind), 'shop', 'checkout');
    if (found === undefined) throw new Error('read the twin of the workload: it does not exist');
    return found;
  }

  /** Creates the workload, in place of one that there was. */
  async create(path: string, manifest: object): Promise<void> {
    await this.#sandbox.call('DELETE', { path }).catch(() => undefined);
    await this.#call(path, manifest);
  }

  /** Makes the user's write; a rollback may have changed the template that it is a patch of. */
  async patch(path: string, template: unknown, body: object): Promise<void> {
    const replace = [{ op: 'replace', path: '/spec/template', value: template }];
    await this.#sandbox.call('PATCH', { path, body: replace });
    await this.#sandbox.call('PATCH', { path, body });
  }

  async #call(path: string, manifest: object): Promise<void> {
    const collection = path.slice(0, path.lastIndexOf('/'));
    await this.#sandbox.call('POST', { path: collection, body: manifest, user: ADMIN });
  }
}
