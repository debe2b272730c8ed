// SPDX-License-Identifier: Apache-2.0
import type { Logger } from '../runtime/logger.ts';
import type { Scheduler } from '../runtime/scheduler.ts';
import { isJsonObject } from './body.ts';
import type { RestClient } from './rest-client.ts';
import { isNotFound } from '../errors/errors.ts';
import type { APIResource } from './object.ts';
import { groupPath } from './paths.ts';

export interface DiscoveredResource extends APIResource {
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly singular: string;
  readonly categories: readonly string[];
  /** E.g. `status`, `scale`. */
  readonly subresources: readonly string[];
}

/** All given parts must match. `name` is a plural, singular, short name or kind, in any case. */
export interface DiscoveryQuery {
  readonly group?: string;
  readonly version?: string;
  readonly kind?: string;
  readonly name?: string;
}

export interface DiscoveryDeps {
  readonly restClient: RestClient;
  readonly scheduler: Scheduler;
  readonly log: Logger;
}

/** A miss asks the server again at most this often. */
const REFRESH_AFTER_MS = 10_000;

const AGGREGATED =
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';

/** The served resource types in the server's order, cached until a query finds none. */
export class Discovery {
  readonly #deps: DiscoveryDeps;
  #known: Promise<readonly DiscoveredResource[]> | undefined;
  #askedAt = 0;

  constructor(deps: DiscoveryDeps) {
    this.#deps = deps;
  }

  async find(query: DiscoveryQuery): Promise<readonly DiscoveredResource[]> {
    const seen = this.#resources();
    const matching = (await seen).filter((resource) => matches(resource, query));
    if (matching.length > 0) return matching;
    // A concurrent query may have refreshed the discovery: use its result.
    if (this.#known === seen) {
      if (!this.#isStale()) return [];
      this.#known = undefined;
    }
    return (await this.#resources()).filter((resource) => matches(resource, query));
  }

  #isStale(): boolean {
    return this.#deps.scheduler.elapsed() - this.#askedAt >= REFRESH_AFTER_MS;
  }

  #resources(): Promise<readonly DiscoveredResource[]> {
    if (this.#known !== undefined) return this.#known;
    this.#askedAt = this.#deps.scheduler.elapsed();
    const asked = this.#ask();
    this.#known = asked;
    asked.catch(() => {
      if (this.#known === asked) this.#known = undefined;
    });
    return asked;
  }

  async #ask(): Promise<readonly DiscoveredResource[]> {
    const { restClient } = this.#deps;
    const core = await restClient.json({ method: 'GET', path: '/api', accept: AGGREGATED });
    const groups = await restClient.json({ method: 'GET', path: '/apis', accept: AGGREGATED });
    const answers = [core, groups];
    if (answers.every(isAggregated)) return answers.flatMap(aggregated);
    return this.#legacy(core, groups);
  }

  /** Servers without aggregated discovery list their groups; each version needs a request. */
  async #legacy(core: unknown, groups: unknown): Promise<readonly DiscoveredResource[]> {
    const found: DiscoveredResource[] = [];
    for (const groupVersion of [...coreVersions(core), ...groupVersions(groups)]) {
      found.push(...(await this.#legacyVersion(groupVersion)));
    }
    return found;
  }

  async #legacyVersion(groupVersion: GroupVersion): Promise<DiscoveredResource[]> {
    const path = groupPath(groupVersion);
    try {
      return legacy(groupVersion, await this.#deps.restClient.json({ method: 'GET', path }));
    } catch (error) {
      // An aggregated API whose server is down must not hide all the others.
      const level = isNotFound(error) ? 'debug' : 'warn';
      this.#deps.log[level]('failed to discover an API group', { path, err: error });
      return [];
    }
  }
}

interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

type Json = Readonly<Record<string, unknown>>;

function matches(resource: DiscoveredResource, query: DiscoveryQuery): boolean {
  const { group, version, kind, name } = query;
  if (group !== undefined && group !== resource.group) return false;
  if (version !== undefined && version !== resource.version) return false;
  if (kind !== undefined && kind !== resource.kind) return false;
  return name === undefined || namesOf(resource).includes(name.toLowerCase());
}

const namesOf = ({ plural, singular, kind, shortNames }: DiscoveredResource): string[] => [
  plural,
  singular,
  kind.toLowerCase(),
  ...shortNames,
];

const isAggregated = (answer: unknown): boolean =>
  isJsonObject(answer) && answer['kind'] === 'APIGroupDiscoveryList';

const records = (value: unknown): Json[] =>
  Array.isArray(value) ? value.filter((item: unknown) => isJsonObject(item)) : [];
const strings = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item: unknown) => typeof item === 'string') : [];
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const record = (value: unknown): Json => (isJsonObject(value) ? value : {});

function aggregated(answer: unknown): DiscoveredResource[] {
  return records(record(answer)['items']).flatMap((item) => {
    const group = text(record(item['metadata'])['name']);
    return records(item['versions']).flatMap((version) =>
      records(version['resources']).map((resource) =>
        fromAggregated({ group, version: text(version['version']) }, resource),
      ),
    );
  });
}

function fromAggregated({ group, version }: GroupVersion, found: Json): DiscoveredResource {
  return {
    group,
    version,
    plural: text(found['resource']),
    singular: text(found['singularResource']),
    kind: text(record(found['responseKind'])['kind']),
    namespaced: found['scope'] === 'Namespaced',
    verbs: strings(found['verbs']),
    shortNames: strings(found['shortNames']),
    categories: strings(found['categories']),
    subresources: records(found['subresources']).map((sub) => text(sub['subresource'])),
  };
}

const coreVersions = (answer: unknown): GroupVersion[] =>
  strings(record(answer)['versions']).map((version) => ({ group: '', version }));

const groupVersions = (answer: unknown): GroupVersion[] =>
  records(record(answer)['groups']).flatMap((group) =>
    records(group['versions']).map((version) => ({
      group: text(group['name']),
      version: text(version['version']),
    })),
  );

function legacy(groupVersion: GroupVersion, answer: unknown): DiscoveredResource[] {
  const listed = records(record(answer)['resources']);
  const subresourcesOf = (plural: string): string[] =>
    listed
      .map((entry) => text(entry['name']))
      .filter((name) => name.startsWith(`${plural}/`))
      .map((name) => name.slice(plural.length + 1));
  return listed
    .filter((entry) => !text(entry['name']).includes('/'))
    .map((entry) => fromLegacy(groupVersion, entry, subresourcesOf(text(entry['name']))));
}

function fromLegacy(
  { group, version }: GroupVersion,
  found: Json,
  subresources: string[],
): DiscoveredResource {
  return {
    group,
    version,
    plural: text(found['name']),
    singular: text(found['singularName']),
    kind: text(found['kind']),
    namespaced: found['namespaced'] === true,
    verbs: strings(found['verbs']),
    shortNames: strings(found['shortNames']),
    categories: strings(found['categories']),
    subresources,
  };
}
