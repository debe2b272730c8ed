// SPDX-License-Identifier: Apache-2.0

import { fileURLToPath } from 'node:url';
import type { ClusterAccess } from '../../cluster/access.ts';
import { findHelm, runHelm, type HelmResult, type HelmVersion } from '../../helm/helm.ts';

/** A chart with one Deployment, of which the values set tag, surge, and whether there is a variable named LEGACY. */
export const CHART = fileURLToPath(new URL('../../helm/chart', import.meta.url));
const RELEASE = 'checkout';

export type Values = Readonly<Record<string, string | number | boolean>>;

/** As much as Helm records about one revision of a release. */
export interface HelmRevision {
  readonly revision: number;
  readonly status: string;
  readonly description: string;
}

type Place = [cluster: ClusterAccess, namespace: string, chart?: string];

/** A release named checkout that a developer manages with one version of Helm. */
export class HelmRelease {
  readonly version: HelmVersion;
  readonly #path: string;
  readonly #cluster: ClusterAccess;
  readonly #namespace: string;
  readonly #chart: string;

  private constructor(version: HelmVersion, path: string, at: Place) {
    this.version = version;
    this.#path = path;
    [this.#cluster, this.#namespace, this.#chart = CHART] = at;
  }

  static async of(version: HelmVersion, ...at: Place): Promise<HelmRelease> {
    const log = (line: string): void => {
      process.stderr.write(`# ${line}\n`);
    };
    return new HelmRelease(version, await findHelm(version, { log }), at);
  }

  /** What makes Helm roll back by itself when it has waited in vain. */
  get rollBackFlag(): string {
    return this.version === 3 ? '--atomic' : '--rollback-on-failure';
  }

  async upgrade(values: Values, ...flags: readonly string[]): Promise<HelmResult> {
    const set = Object.entries(values).map(([name, value]) => `${name}=${value}`);
    const args = ['upgrade', '--install', RELEASE, this.#chart, '--set', set.join(','), ...flags];
    return await this.#run(args);
  }

  /** Goes back to a revision of the release. */
  async rollBack(revision: number, ...flags: readonly string[]): Promise<HelmResult> {
    return await this.#run(['rollback', RELEASE, String(revision), ...flags]);
  }

  /** The newest revision, as `helm history` has it. */
  async newest(): Promise<HelmRevision> {
    const { code, stdout, stderr } = await this.#run(['history', RELEASE, '-o', 'json']);
    const newest = code === 0 ? (JSON.parse(stdout) as HelmRevision[]).at(-1) : undefined;
    if (newest === undefined) throw new Error(`read the history of the release: ${stderr}`);
    return newest;
  }

  async #run(args: readonly string[]): Promise<HelmResult> {
    return await runHelm(
      {
        path: this.#path,
        home: this.#cluster.dir,
        kubeconfig: this.#cluster.kubeconfig('developer'),
        namespace: this.#namespace,
      },
      args,
    );
  }
}
