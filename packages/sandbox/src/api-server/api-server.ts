// SPDX-License-Identifier: Apache-2.0
import { apiVersionOf, type Scheduler } from '@altershield/kube';
import { asJsonObject, text, type Json, type StoredObject } from '../json.ts';
import { answerAccessReview, isAccessReview, type AccessRequest } from './access-review.ts';
import { Admission, type AdmissionOptions } from './admission.ts';
import { appliedFields } from './apply.ts';
import type { UserInfo, WriteCall } from './call.ts';
import { followCrds } from './crd-lifecycle.ts';
import { typeKey } from './definition.ts';
import { Deletes, deleteOptions } from './deletes.ts';
import { discover, versionInfo } from './discovery.ts';
import {
  StatusError,
  badRequest,
  methodNotAllowed,
  noSuchPath,
  notFound,
  qualified,
  unauthorized,
  UnknownPath,
} from './failure.ts';
import { DEFAULT_KUBERNETES, type KubernetesVersion } from './kubernetes-version.ts';
import { Lists } from './lists.ts';
import { parsePatch, patched, patchFormat } from './patches.ts';
import { Registry } from './registry.ts';
import { parseBody, pathParts, resolveTarget, type ApiRequest, type Target } from './request.ts';
import { scaleOf } from './scale.ts';
import { objectTest } from './selectors.ts';
import { ObjectStore } from './store.ts';
import { Watches, type Watch } from './watches.ts';
import { Writes } from './writes.ts';

export interface ApiServerOptions {
  readonly scheduler: Scheduler;
  /** Whose behavior is imitated where versions differ. Default 1.36. */
  readonly kubernetes?: KubernetesVersion | undefined;
  /** Users by bearer token. */
  readonly users?: Readonly<Record<string, UserInfo>> | undefined;
  readonly admission?: AdmissionOptions | undefined;
  /** Default: everybody may do everything. */
  readonly authorize?: ((request: AccessRequest) => boolean) | undefined;
  /**
   * How often (0 to 1) an update is first tried on the state before the last write, as the real server does under
   * load: webhooks are then asked twice, the first time about the old state. Default 0.
   */
  readonly staleness?: number | undefined;
  /** How many events watches can go back. Default 20,000. */
  readonly historyLimit?: number | undefined;
}

/** An answer: a whole body, or a watch that is to be opened. */
export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Watch;
}

/**
 * A Kubernetes API server in memory: the resource API over requests as HTTP carries them, without
 * sockets and with only the scheduler's clock. The contract suite defines its behavior.
 */
export class ApiServer {
  readonly store: ObjectStore;
  readonly registry: Registry;
  readonly writes: Writes;
  readonly deletes: Deletes;
  readonly scheduler: Scheduler;
  readonly kubernetes: KubernetesVersion;
  readonly #lists: Lists;
  readonly #watches: Watches;
  readonly #options: ApiServerOptions;
  #isUp = true;

  constructor(options: ApiServerOptions) {
    const { scheduler, historyLimit } = options;
    this.#options = options;
    this.scheduler = scheduler;
    this.kubernetes = options.kubernetes ?? DEFAULT_KUBERNETES;
    this.registry = new Registry(this.kubernetes);
    this.store = new ObjectStore(historyLimit === undefined ? {} : { historyLimit });
    const admission = new Admission(this.store, scheduler, options.admission ?? {});
    this.writes = new Writes({
      store: this.store,
      admission,
      scheduler,
      staleness: options.staleness,
    });
    this.deletes = new Deletes(this.store, admission, scheduler);
    this.#lists = new Lists(this.store);
    this.#watches = new Watches(this.store, scheduler);
    followCrds(this.store, this.registry, scheduler);
  }

  /** Answers one request; errors are answers, not exceptions. */
  async handle(request: ApiRequest): Promise<ApiResponse> {
    const warnings: string[] = [];
    try {
      return await this.#answer(request, this.#userOf(request), warnings);
    } catch (error) {
      if (error instanceof UnknownPath) return UNKNOWN_PATH;
      if (!(error instanceof StatusError)) throw error;
      return failureResponse(error);
    }
  }

  /** Breaks all watches; the clients see their connections end. */
  cutWatches(message = 'the API server went away'): void {
    this.#watches.cutAll(new Error(message));
  }

  /** Crashes: watches break, and transports refuse connections until `start`. State survives. */
  stop(): void {
    this.#isUp = false;
    this.cutWatches();
  }

  start(): void {
    this.#isUp = true;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get openWatches(): number {
    return this.#watches.count;
  }

  /** Forgets history and pages: older watches and continue tokens get 410. */
  compact(): void {
    this.store.compact();
    this.#lists.forgetPages();
  }

  #userOf({ user, headers }: ApiRequest): UserInfo {
    if (user !== undefined) return user;
    const token = (headers['authorization'] ?? '').replace(/^Bearer /, '');
    const known = this.#options.users?.[token];
    if (known === undefined) throw unauthorized();
    return { ...known, groups: [...(known.groups ?? []), 'system:authenticated'] };
  }

  async #answer(request: ApiRequest, user: UserInfo, warnings: string[]): Promise<ApiResponse> {
    const parts = pathParts(request.path);
    const general = request.method === 'GET' ? this.#general(parts) : undefined;
    if (general !== undefined) return general;
    if (isAccessReview(request)) {
      const { authorize } = this.#options;
      const answer = answerAccessReview(parseBody(request.body), this.registry, authorize);
      return jsonResponse(201, answer, warnings);
    }
    const target = resolveTarget(request.path, this.registry);
    const verb = verbOf(request, target);
    this.#checkAccess(user, verb, target);
    if (verb === 'watch') return watchResponse(this.#watches.accept(target));
    const { status, body } = await this.#carryOut(verb, { request, target, user, warnings });
    return jsonResponse(status, body, warnings);
  }

  #general(parts: readonly string[]): ApiResponse | undefined {
    const [first = ''] = parts;
    if (['healthz', 'readyz', 'livez'].includes(first)) {
      return { status: 200, headers: { 'content-type': 'text/plain' }, body: 'ok' };
    }
    if (first === 'version') return jsonResponse(200, versionInfo(this.kubernetes), []);
    const found = discover(parts, this.registry);
    return found === undefined ? undefined : jsonResponse(200, found, []);
  }

  #checkAccess(user: UserInfo, verb: string, { definition, key, subresource }: Target): void {
    const { resource } = definition;
    const isAllowed = this.#options.authorize?.({ user, verb, resource, subresource, key });
    if (isAllowed !== false) return;
    const named = key.name === '' ? '' : ` "${key.name}"`;
    const where =
      key.namespace === '' ? 'at the cluster scope' : `in the namespace "${key.namespace}"`;
    const what = subresource === '' ? resource.plural : `${resource.plural}/${subresource}`;
    throw new StatusError({
      code: 403,
      reason: 'Forbidden',
      message: `${qualified(resource)}${named} is forbidden: User "${user.username}" cannot ${verb} resource "${what}" in API group "${resource.group}" ${where}`,
    });
  }

  async #carryOut(verb: Verb, exchange: Exchange): Promise<{ status: number; body: Json }> {
    const { request, target } = exchange;
    const { query } = target;
    switch (verb) {
      case 'watch':
        throw noSuchPath();
      case 'get':
        return { status: 200, body: this.#get(target) };
      case 'list':
        return { status: 200, body: this.#lists.list(target) };
      case 'create':
        return { status: 201, body: await this.#create(exchange) };
      case 'update': {
        const body = parseTyped(request, target);
        const call = callOf(exchange, 'UpdateOptions');
        const plan = { change: () => body, isReplace: true };
        return { status: 200, body: shown(call, await this.writes.update(call, plan)) };
      }
      case 'patch':
        return this.#patch(exchange);
      case 'delete': {
        const options = deleteOptions(parseBody(request.body), query);
        const call = callOf(exchange, 'DeleteOptions', options);
        return { status: 200, body: await this.deletes.delete(call, options) };
      }
      case 'deletecollection':
        return { status: 200, body: await this.#deleteCollection(exchange) };
    }
  }

  #get({ definition, key, subresource }: Target): Json {
    const found = this.store.get(typeKey(definition.resource), key);
    if (found === undefined) throw notFound(definition.resource, key.name);
    if (subresource === 'scale') return scaleOf(definition, found);
    return { ...found, apiVersion: apiVersionOf(definition.resource) };
  }

  #create(exchange: Exchange): Promise<StoredObject> {
    const body = parseTyped(exchange.request, exchange.target);
    return this.writes.create(callOf(exchange, 'CreateOptions'), body);
  }

  async #patch(exchange: Exchange): Promise<{ status: number; body: Json }> {
    const { request, target } = exchange;
    const { definition, key, query, subresource } = target;
    const format = patchFormat(request.headers['content-type'] ?? '', definition.isCustom);
    const call = { ...callOf(exchange, 'PatchOptions'), isApply: format === 'apply' };
    const patch = parsePatch(format, request.body ?? '', query.get('force') === 'true');
    if (format === 'apply' && (query.get('fieldManager') ?? '') === '') {
      throw badRequest(
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
      );
    }
    const body = asJsonObject(patch.body);
    const applied = format === 'apply' ? { applied: appliedFields(body) } : {};
    const isNew = this.store.get(typeKey(definition.resource), key) === undefined;
    if (format === 'apply' && isNew && subresource === '') {
      const named = { ...body, metadata: { ...asJsonObject(body['metadata']), name: key.name } };
      return { status: 201, body: await this.writes.create(call, named, applied.applied) };
    }
    const plan = {
      change: (current: StoredObject) => patched(call, current, patch),
      isReplace: false,
      ...applied,
    };
    return { status: 200, body: shown(call, await this.writes.update(call, plan)) };
  }

  async #deleteCollection(exchange: Exchange): Promise<Json> {
    const { definition, key, query } = exchange.target;
    const selected = objectTest(query.get('labelSelector') ?? '', query.get('fieldSelector') ?? '');
    const options = deleteOptions(parseBody(exchange.request.body), query);
    const type = typeKey(definition.resource);
    for (const { metadata } of this.store.list(type, key.namespace).filter(selected)) {
      const own = { namespace: metadata.namespace ?? '', name: metadata.name };
      const call = { ...callOf(exchange, 'DeleteOptions', options), key: own };
      await this.deletes.delete(call, options);
    }
    return this.#lists.list(exchange.target);
  }
}

type Verb =
  'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

interface Exchange {
  readonly request: ApiRequest;
  readonly target: Target;
  readonly user: UserInfo;
  readonly warnings: string[];
}

const COLLECTION_VERBS: Readonly<Record<string, Verb>> = {
  GET: 'list',
  POST: 'create',
  DELETE: 'deletecollection',
};

const OBJECT_VERBS: Readonly<Record<string, Verb>> = {
  GET: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

function verbOf({ method }: ApiRequest, { key, query, subresource }: Target): Verb {
  const wantsWatch = ['1', 'true'].includes(query.get('watch') ?? '');
  if (method === 'GET' && wantsWatch && subresource === '') return 'watch';
  const verb = (key.name === '' ? COLLECTION_VERBS : OBJECT_VERBS)[method];
  if (verb === undefined) throw methodNotAllowed();
  return verb;
}

function callOf(
  { request, target, user, warnings }: Exchange,
  kind: string,
  body: Json = {},
): WriteCall {
  const { definition, key, subresource, query } = target;
  const dryRun = [...query.getAll('dryRun'), ...((body['dryRun'] as string[] | undefined) ?? [])];
  const fieldManager = query.get('fieldManager') ?? managerFromAgent(request);
  const options = {
    kind,
    apiVersion: 'meta.k8s.io/v1',
    ...without0(body),
    ...(dryRun.length > 0 ? { dryRun: ['All'] } : {}),
    ...(query.has('fieldManager') ? { fieldManager } : {}),
    ...(query.get('force') === 'true' ? { force: true } : {}),
  };
  return {
    definition,
    key,
    subresource,
    user,
    dryRun: dryRun.includes('All'),
    fieldManager,
    isApply: false,
    options,
    warnings,
  };
}

const without0 = ({ dryRun: _dryRun, ...rest }: Json): Json => rest;

const managerFromAgent = ({ headers }: ApiRequest): string =>
  (headers['user-agent'] ?? 'unknown').split('/')[0] ?? 'unknown';

/** A body of the kind that the URL names. */
function parseTyped({ body }: ApiRequest, { definition, subresource }: Target): Json {
  const parsed = parseBody(body);
  const { kind, ...resource } = definition.resource;
  if (subresource === 'scale') return parsed;
  const expected = apiVersionOf({ ...resource, kind });
  const given = text(parsed['apiVersion']);
  if (given !== '' && given !== expected) {
    throw badRequest(
      `the API version in the data (${given}) does not match the expected API version (${expected})`,
    );
  }
  const givenKind = text(parsed['kind']);
  if (givenKind !== '' && givenKind !== kind) {
    throw badRequest(
      `${givenKind} in version "${resource.version}" cannot be handled as a ${kind}`,
    );
  }
  return parsed;
}

const shown = ({ definition, subresource }: WriteCall, object: StoredObject): Json =>
  subresource === 'scale' ? scaleOf(definition, object) : object;

const UNKNOWN_PATH: ApiResponse = {
  status: 404,
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  body: '404 page not found\n',
};

const JSON_HEADERS = { 'content-type': 'application/json' };

export function failureResponse(failure: StatusError): ApiResponse {
  const { retryAfterSeconds, code, status } = failure;
  const headers =
    retryAfterSeconds === undefined
      ? JSON_HEADERS
      : { ...JSON_HEADERS, 'retry-after': String(retryAfterSeconds) };
  return { status: code, headers, body: JSON.stringify(status) };
}

function jsonResponse(status: number, body: Json, warnings: readonly string[]): ApiResponse {
  const warning = warnings.map((one) => `299 - ${JSON.stringify(one)}`).join(', ');
  const headers = warning === '' ? JSON_HEADERS : { ...JSON_HEADERS, warning };
  return { status, headers, body: JSON.stringify(body) };
}

const watchResponse = (watch: Watch): ApiResponse => ({
  status: 200,
  headers: JSON_HEADERS,
  body: watch,
});
