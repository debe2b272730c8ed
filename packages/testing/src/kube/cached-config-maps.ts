// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { FakeApi } from './fake-api.ts';
import { Client } from '../../../kube/src/client/client.ts';
import { RESOURCES, type KubeObject } from '../../../kube/src/client/object.ts';
import { silentLogger, type Logger } from '../../../kube/src/runtime/logger.ts';
import { VirtualScheduler } from './virtual-scheduler.ts';
import { Informer, type InformerOptions } from '../../../kube/src/cache/informer.ts';
import type { InformerEvent } from '../../../kube/src/cache/cache-writer.ts';

export type ConfigMap = KubeObject & { readonly data?: Readonly<Record<string, string>> };

export interface World {
  readonly api: FakeApi;
  readonly scheduler: VirtualScheduler;
  readonly client: Client;
  readonly informer: Informer<ConfigMap>;
  readonly events: InformerEvent<ConfigMap>[];
  readonly stop: AbortController;
  readonly ended: Promise<void>;
  /** `type name` of the events since the last call. */
  readonly story: () => string[];
}

export interface Setup {
  readonly before?: (api: FakeApi) => void;
  readonly options?: Partial<InformerOptions<ConfigMap>>;
  readonly log?: Logger;
}

export function aWorld({ before, options, log = silentLogger }: Setup = {}): World {
  const api = new FakeApi();
  before?.(api);
  const scheduler = new VirtualScheduler();
  const client = new Client({ transport: api, scheduler, fieldManager: 'test' });
  const resource = RESOURCES.configMap;
  const namespace = 'shop';
  const informer = new Informer<ConfigMap>({
    ...{ client, resource, namespace, scheduler, log },
    ...options,
  });
  const events: InformerEvent<ConfigMap>[] = [];
  informer.onEvent((event) => events.push(event));
  const stop = new AbortController();
  const ended = informer.start(stop.signal);
  const story = (): string[] =>
    events.splice(0).map(({ type, object }) => `${type} ${object.metadata.name}`);
  return { api, scheduler, client, informer, events, stop, ended, story };
}

const versions = (objects: readonly KubeObject[]): Record<string, string> =>
  Object.fromEntries(objects.map(({ metadata }) => [metadata.name, metadata.resourceVersion]));

export function assertInStep({ api, informer }: World): void {
  assert.deepEqual(versions(informer.list()), versions(api.objects()));
}

export const putMany = (count: number) => (api: FakeApi) => {
  for (let i = 0; i < count; i += 1) api.put(`c${i}`);
};
