// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from '../../../kube/src/client/object.ts';
import type { HttpRequest, HttpResponse, Transport } from '../../../kube/src/client/transport.ts';

export interface Change {
  readonly rv: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KubeObject;
}

type Answer = HttpResponse | Error | 'silence' | undefined;

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

export function respond(
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): HttpResponse {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { status, headers, body: once(encode(text)) };
}

export const refusal = (
  status: number,
  reason: string,
  headers: Record<string, string> = {},
): HttpResponse =>
  respond(status, { kind: 'Status', code: status, reason, message: `${reason} it is` }, headers);

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield bytes;
}

/** The server's side of one watch. Events wait in `lagging` until delivered. */
export class FakeWatch {
  readonly path: string;
  readonly lagging: string[] = [];
  /** The delivered events, for sending them again. */
  readonly delivered: string[] = [];
  readonly #ready: string[] = [];
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(path: string) {
    this.path = path;
  }

  get isOpen(): boolean {
    return !this.#ended;
  }

  deliver(count = Infinity): void {
    const lines = this.lagging.splice(0, count);
    this.delivered.push(...lines);
    this.#ready.push(...lines);
    this.#wake();
  }

  /** Sends at once, whatever lags. */
  send(text: string): void {
    this.#ready.push(text);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *body(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const next = this.#ready.shift();
        if (next !== undefined) yield encode(next);
        else if (this.#ended) return;
        else
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
      }
    } finally {
      this.#ended = true;
    }
  }
}

/**
 * One collection of config maps, served in the same process: as little of an API server as the tests
 * of this package need.
 */
export class FakeApi implements Transport {
  readonly requests: HttpRequest[] = [];
  readonly watches: FakeWatch[] = [];
  /** Called before each request; its response replaces the server's. */
  intercept: (request: HttpRequest) => Answer = () => undefined;
  /** When false, watch events lag until `FakeWatch.deliver`. */
  prompt = true;
  readonly #objects = new Map<string, KubeObject>();
  readonly #history: Change[] = [];
  readonly #tokens = new Map<string, readonly KubeObject[]>();
  #rv = 100;
  #uids = 0;
  #forgotten = 0;

  get rv(): number {
    return this.#rv;
  }

  objects(): KubeObject[] {
    return [...this.#objects.values()];
  }

  get(name: string): KubeObject | undefined {
    return this.#objects.get(name);
  }

  lists(): HttpRequest[] {
    return this.requests.filter(({ path, stream }) => !stream && path.includes('limit='));
  }

  put(name: string, data: Readonly<Record<string, string>> = {}): KubeObject {
    const old = this.#objects.get(name);
    const uid = old?.metadata.uid ?? `uid-${(this.#uids += 1)}`;
    const object = this.#version(name, uid, data);
    this.#objects.set(name, object);
    this.#publish(old === undefined ? 'ADDED' : 'MODIFIED', object);
    return object;
  }

  remove(name: string): KubeObject | undefined {
    const old = this.#objects.get(name);
    if (old === undefined) return undefined;
    this.#objects.delete(name);
    this.#publish('DELETED', this.#version(name, old.metadata.uid, {}));
    return old;
  }

  bookmark(): void {
    for (const watch of this.#open()) {
      const object = { kind: 'ConfigMap', metadata: { resourceVersion: String(this.#rv) } };
      this.#queue(watch, JSON.stringify({ type: 'BOOKMARK', object }));
    }
  }

  /** Forgets all history: watches from before now get 410, and so do lists in progress. */
  compact(): void {
    this.#forgotten = this.#rv;
    this.#tokens.clear();
  }

  cut(): void {
    for (const watch of this.#open()) watch.end();
  }

  deliver(count?: number): void {
    for (const watch of this.#open()) watch.deliver(count);
  }

  request(request: HttpRequest): Promise<HttpResponse> {
    this.requests.push(request);
    const answer = this.intercept(request) ?? this.#serve(request);
    if (answer === 'silence') return new Promise(() => undefined);
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #serve({ method, path, body, stream }: HttpRequest): HttpResponse {
    const url = new URL(path, 'http://fake');
    const name = url.pathname.split('/').slice(6).join('/');
    if (stream) return this.#watch(path, Number(url.searchParams.get('resourceVersion')));
    if (method === 'GET' && name === '') return this.#list(url.searchParams);
    if (method === 'DELETE') return this.#delete(name);
    if (method === 'GET') return this.#answer(this.get(name));
    const sent = JSON.parse(body ?? '{}') as { metadata?: { name?: string }; data?: never };
    const target = name === '' ? (sent.metadata?.name ?? '') : name;
    return this.#answer(this.put(target, sent.data));
  }

  #answer(object: KubeObject | undefined): HttpResponse {
    return object === undefined ? refusal(404, 'NotFound') : respond(200, object);
  }

  #delete(name: string): HttpResponse {
    const old = this.remove(name);
    return old === undefined
      ? refusal(404, 'NotFound')
      : respond(200, { kind: 'Status', metadata: {} });
  }

  #list(query: URLSearchParams): HttpResponse {
    const limit = Number(query.get('limit') ?? 1e9);
    const token = query.get('continue') ?? '';
    const [rv = ''] = token === '' ? [String(this.#rv)] : token.split(':');
    const all = token === '' ? this.objects() : this.#tokens.get(token);
    if (all === undefined) return refusal(410, 'Expired');
    const rest = all.slice(limit);
    const next = rest.length === 0 ? '' : `${rv}:${this.#tokens.size}`;
    if (next !== '') this.#tokens.set(next, rest);
    const items = all.slice(0, limit).map(({ metadata, ...it }) => {
      const { apiVersion: _apiVersion, kind: _kind, ...bare } = it;
      return { metadata, ...bare };
    });
    return respond(200, { metadata: { resourceVersion: rv, continue: next }, items });
  }

  #watch(path: string, from: number): HttpResponse {
    if (from < this.#forgotten) return refusal(410, 'Expired');
    const watch = new FakeWatch(path);
    this.watches.push(watch);
    for (const change of this.#history) if (change.rv > from) this.#queue(watch, lineOf(change));
    return { status: 200, headers: {}, body: watch.body() };
  }

  #open(): FakeWatch[] {
    return this.watches.filter((watch) => watch.isOpen);
  }

  #version(name: string, uid: string, data: Readonly<Record<string, string>>): KubeObject {
    this.#rv += 1;
    const metadata = {
      ...{ name, namespace: 'shop', uid, resourceVersion: String(this.#rv) },
      creationTimestamp: '2026-01-01T00:00:00Z',
      managedFields: [{ manager: 'fake' }],
    };
    return { apiVersion: 'v1', kind: 'ConfigMap', metadata, ...{ data } };
  }

  #publish(type: Change['type'], object: KubeObject): void {
    const change = { rv: this.#rv, type, object };
    this.#history.push(change);
    for (const watch of this.#open()) this.#queue(watch, lineOf(change));
  }

  #queue(watch: FakeWatch, line: string): void {
    watch.lagging.push(`${line}\n`);
    if (this.prompt) watch.deliver();
  }
}

const lineOf = ({ type, object }: Change): string => JSON.stringify({ type, object });
