// SPDX-License-Identifier: Apache-2.0

import { after, before } from 'node:test';
import type { KubectlResult } from '../../cluster/access.ts';
import { sharedCluster, type SharedCluster } from './cluster.ts';
import { altershield, prepareCluster, startOperator, type OperatorProcess } from './operator.ts';
import { stopAll } from './stop-all.ts';
import { anApp, type App, type AppOptions } from './story.ts';

/** A cluster with one operator, and the apps that the tests of a file make in it. */
export class Fixture {
  readonly apps: App[] = [];
  #cluster: SharedCluster | undefined;
  #operator: OperatorProcess | undefined;

  /**
   * Starts before the first test of the file and ends after the last one, whatever failed.
   *
   * @param ends what the file itself started, to be ended before the operator is
   */
  static ofFile(...ends: readonly (() => unknown)[]): Fixture {
    const fixture = new Fixture();
    before(() => fixture.#start());
    after(() => fixture.#stop(ends));
    return fixture;
  }

  get cluster(): SharedCluster {
    if (this.#cluster === undefined) throw new Error('use the cluster: it has not started');
    return this.#cluster;
  }

  async newApp(options: AppOptions): Promise<App> {
    const app = await anApp(this.cluster, options);
    this.apps.push(app);
    return app;
  }

  async #start(): Promise<void> {
    this.#cluster = await sharedCluster();
    await prepareCluster(this.#cluster);
    this.#operator = await startOperator(this.#cluster);
  }

  async #stop(ends: readonly (() => unknown)[]): Promise<void> {
    await stopAll(
      () => Promise.all(this.apps.map((app) => app.close())),
      ...ends,
      () => this.#operator?.stop(),
      () => this.#cluster?.stop(),
    );
  }
}

/** kubectl in the app's namespace, as the developer. */
export const kubectl = (app: App, ...args: readonly string[]): Promise<KubectlResult> =>
  app.cluster.kubectl([...args, '-n', app.namespace], { user: 'developer' });

/** A command about the app, as the developer runs it. */
export const cli = (app: App, verb: string, ...rest: readonly string[]): Promise<KubectlResult> =>
  altershield(app.cluster, [verb, `deploy/${app.name}`, '-n', app.namespace, ...rest]);
