// SPDX-License-Identifier: Apache-2.0
import {
  Client,
  realScheduler,
  type KubeObject,
  type HttpRequest,
  type HttpResponse,
  type Scheduler,
  type Transport,
} from '@altershield/kube';
import type { CommandContext, GlobalOptions } from '../../cli/src/cli.ts';
import { applyMergePatch, ObjectStore, type StoredObject } from './object-store.ts';
import { run } from '../../cli/src/run.ts';

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

/** Answers like an API server, as far as the command line asks one. */
export class FakeCluster implements Transport {
  readonly objects = new ObjectStore();
  readonly requests: Request[] = [];
  /** Paths that are answered with this status and message instead. */
  readonly denials = new Map<RegExp, { status: number; reason: string; message: string }>();
  /** Simulates the operator: the next version of an object when a client watches it. */
  react: (object: StoredObject) => StoredObject | undefined = () => undefined;
  /** Collections that are served although they are empty. */
  readonly served = new Set<string>([
    ...['deployments', 'statefulsets', 'daemonsets'].map((plural) => `/apis/apps/v1/${plural}`),
    '/apis/batch/v1/cronjobs',
    '/apis/batch/v1/jobs',
  ]);

  put(collection: string, object: object): this {
    const { name } = Object(Object(object).metadata) as { readonly name: string };
    const metadata = { uid: `uid-${name}`, ...Object(object).metadata };
    this.objects.put(`${collection}/${name}`, { ...object, metadata });
    this.served.add(anyNamespace(collection));
    return this;
  }

  request(request: HttpRequest): Promise<HttpResponse> {
    const url = new URL(request.path, 'http://cluster');
    const body: unknown = request.body === undefined ? undefined : JSON.parse(request.body);
    this.requests.push({ method: request.method, path: url.pathname, body });
    return Promise.resolve(this.#answer(request, url, body));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #answer({ method, stream }: HttpRequest, { pathname, searchParams }: URL, body: unknown) {
    const denial = [...this.denials].find(([pattern]) => pattern.test(`${method} ${pathname}`));
    if (denial !== undefined) return failure(denial[1]);
    if (stream) return this.#watch(pathname, searchParams);
    if (pathname === '/version') return answer(200, { gitVersion: 'v1.36.3' });
    if (method === 'POST') return this.#create(pathname, body);
    if (this.served.has(anyNamespace(pathname))) return this.#list(pathname, searchParams);
    if (method === 'PATCH') return this.#patch(pathname, body);
    const object = this.objects.get(pathname);
    if (object === undefined) return this.#notFound(pathname);
    if (method === 'DELETE') this.objects.remove(pathname);
    return answer(200, object);
  }

  #list(pathname: string, query: URLSearchParams): HttpResponse {
    const pattern = new RegExp(`^${pathname.replace(/\/([^/]+)$/, '(/namespaces/[^/]+)?/$1/')}`);
    const [key = '', value] = (query.get('labelSelector') ?? '').split('=');
    const items = this.objects
      .entries()
      .filter(([path]) => pattern.test(path))
      .map(([, object]) => object)
      .filter(({ metadata }) => key === '' || labelsOf(metadata)[key] === value);
    return answer(200, { kind: 'List', metadata: { resourceVersion: '1' }, items });
  }

  #create(pathname: string, body: unknown): HttpResponse {
    const { generateName = '', ...metadata } = Object(Object(body).metadata);
    const name = (metadata.name ?? `${generateName}new`) as string;
    const object = { ...Object(body), metadata: { uid: `uid-${name}`, ...metadata, name } };
    return answer(201, this.objects.put(`${pathname}/${name}`, object));
  }

  #patch(pathname: string, body: unknown): HttpResponse {
    const known = this.objects.get(pathname) ?? { metadata: {} };
    return answer(200, this.objects.put(pathname, applyMergePatch(known, body) as object));
  }

  #watch(pathname: string, query: URLSearchParams): HttpResponse {
    const name = (query.get('fieldSelector') ?? '').replace('metadata.name=', '');
    const path = `${pathname}/${name}`;
    const before = this.objects.get(path);
    const after = before === undefined ? undefined : this.react(before);
    if (after === undefined) return { status: 200, headers: {}, body: pending() };
    return answer(200, { type: 'MODIFIED', object: this.objects.put(path, after) });
  }

  /** As the API server words it: a missing object has a name, a kind that is not served has none. */
  #notFound(pathname: string): HttpResponse {
    const collection = anyNamespace(pathname.slice(0, pathname.lastIndexOf('/')));
    const name = pathname.slice(pathname.lastIndexOf('/') + 1);
    const details = this.served.has(collection) ? { name } : {};
    return failure({ status: 404, reason: 'NotFound', message: `"${name}" not found`, details });
  }
}

const anyNamespace = (path: string): string => path.replace(/\/namespaces\/[^/]+(?=\/)/, '');

const encoder = new TextEncoder();

function answer(status: number, body: unknown): HttpResponse {
  return { status, headers: {}, body: once(`${JSON.stringify(body)}\n`) };
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(encoder.encode(text));
}

interface Failure {
  readonly status: number;
  readonly reason: string;
  readonly message: string;
  readonly details?: object;
}

const failure = ({ status, ...rest }: Failure): HttpResponse =>
  answer(status, { kind: 'Status', code: status, ...rest });

/** A watch on which nothing ever happens. */
async function* pending(): AsyncGenerator<Uint8Array> {
  await new Promise<never>(() => undefined);
  yield encoder.encode('');
}

const labelsOf = ({ labels }: KubeObject['metadata']): Readonly<Record<string, unknown>> =>
  labels ?? {};

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs one command line against the cluster; `now` is the time it believes in. */
export async function invoke(cluster: FakeCluster, line: string, now: number): Promise<Outcome> {
  const out: string[] = [];
  const err: string[] = [];
  const scheduler: Scheduler = {
    now: () => now,
    elapsed: () => now,
    random: () => 0.5,
    // Nothing happens between two answers of the fake, so waiting any longer shows nothing more.
    after: (_, run) => realScheduler.after(0, run),
  };
  const cli: CommandContext = {
    io: { out: (text) => out.push(text), err: (text) => err.push(text), colors: false },
    scheduler,
    connect: ({ context }: GlobalOptions) =>
      Promise.resolve({
        client: new Client({ transport: cluster, scheduler: realScheduler, fieldManager: 'test' }),
        namespace: context ?? 'shop',
        server: 'http://cluster',
        close: () => cluster.close(),
      }),
  };
  const code = await run(cli, line.split(' '));
  return { code, out: out.join('\n'), err: err.join('\n') };
}
