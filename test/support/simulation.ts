// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS, FIELD_MANAGER, KINDS, toCrd } from '@altershield/api';
import { ADAPTERS, canonicalJson, withoutOptional, type WebhookTarget } from '@altershield/core';
import { Environment, type ParseResult } from '@marcbachmann/cel-js';
import {
  Client,
  reviewAdmission,
  silentLogger,
  sleep,
  type AdmissionHandlers,
  type Logger,
  type Metrics,
  type Scheduler,
} from '@altershield/kube';
import { createOperator, type Operator } from '@altershield/operator';
import {
  ADMIN,
  createSandbox,
  type AccessRequest,
  type CallInfo,
  type FaultPlan,
  type MatchEvaluator,
  type Sandbox,
  type UserInfo,
} from '@altershield/sandbox';

export const OPERATOR_NAMESPACE = 'altershield-system';
export const OPERATOR: UserInfo = {
  username: `system:serviceaccount:${OPERATOR_NAMESPACE}:altershield`,
};
export const ALICE: UserInfo = { username: 'alice', uid: 'uid-1', groups: ['developers'] };
export const GITOPS: UserInfo = {
  username: 'system:serviceaccount:flux-system:kustomize-controller',
};

/** Made once: that takes longer than a whole short run. */
const CRDS = KINDS.map(toCrd);

export interface SimulationOptions {
  readonly scheduler: Scheduler;
  readonly log?: Logger;
  readonly namespaces?: readonly string[];
  /** Default: as many as the sandbox has. */
  readonly nodes?: number;
  /** Default: every user may do everything. */
  readonly authorize?: (request: AccessRequest) => boolean;
}

export interface OperatorRun {
  readonly faults?: FaultPlan;
  readonly log?: Logger;
  readonly identity?: string;
  readonly rollbacksPerHour?: number;
  readonly metrics?: Metrics;
  /** What the API server is to trust, as it lies in the shared Secret now. */
  readonly caBundle?: () => Promise<string>;
  /** HTTPRoutes are followed. Default false: the cluster does not have the Gateway API. */
  readonly followsRoutes?: boolean;
}

/** One life of a replica of the operator: from its start to its crash or its clean stop. */
export interface RunningOperator {
  readonly operator: Operator;
  /** What it does when it gets the lease: decide and write. */
  lead(): void;
  /** As `kill -9`: from now on nothing of it reaches the API server, or answers it. */
  kill(): void;
  readonly isAlive: () => boolean;
}

/** The operator's own code against the simulated cluster, in one process, under one scheduler. */
export class Simulation {
  readonly sandbox: Sandbox;
  readonly scheduler: Scheduler;
  /** Writes of the operator to what is the user's of a workload. There must be none. */
  readonly trespasses: string[] = [];
  readonly #log: Logger;
  /** Of the replicas that serve admission; the API server asks any of them. */
  readonly #webhooks = new Set<AdmissionHandlers>();

  constructor({
    scheduler,
    log = silentLogger,
    namespaces = ['shop'],
    nodes,
    authorize,
  }: SimulationOptions) {
    this.scheduler = scheduler;
    this.#log = log;
    this.sandbox = createSandbox({
      scheduler,
      ...(nodes === undefined ? {} : { nodes }),
      namespaces: [OPERATOR_NAMESPACE, ...namespaces],
      // The real API server now and then asks webhooks about a write it then has to make again.
      authorize,
      staleness: 0.2,
      admission: {
        transport: (url, review) => this.#answer(url, review),
        evaluateMatchCondition: matchCondition,
      },
    });
  }

  /** The kinds; resolves when they are served. */
  async install(): Promise<void> {
    for (const crd of CRDS) await this.sandbox.apply(crd);
    await sleep(this.scheduler, 100);
  }

  /** Whether a replica answers the API server's admission reviews. */
  get isAnswered(): boolean {
    return this.#webhooks.size > 0;
  }

  client(user: UserInfo = ADMIN, fieldManager = 'kubectl', faults?: FaultPlan): Client {
    const transport = this.sandbox.transport(user, faults === undefined ? {} : { faults });
    return new Client({ transport, scheduler: this.scheduler, fieldManager });
  }

  /** The only replica, which leads at once. */
  startOperator(run: OperatorRun = {}): RunningOperator {
    const replica = this.startReplica(run);
    replica.lead();
    return replica;
  }

  /** A standby: it fills its caches, then serves admission. */
  startReplica({
    faults = {},
    log = this.#log,
    identity = 'replica-1',
    caBundle,
    rollbacksPerHour,
    metrics,
    followsRoutes = false,
  }: OperatorRun = {}): RunningOperator {
    const transport = this.sandbox.transport(OPERATOR, { faults: this.#guarding(faults) });
    const { scheduler } = this;
    const client = new Client({ transport, scheduler, log, fieldManager: FIELD_MANAGER });
    const operator = createOperator({
      ...{ client, scheduler, log, identity, namespace: OPERATOR_NAMESPACE },
      ...(rollbacksPerHour === undefined ? {} : { rollbacksPerHour }),
      ...(metrics === undefined ? {} : { metrics }),
      signingKey: new Uint8Array(32).fill(7),
      ...(followsRoutes ? {} : { adapters: ADAPTERS.map(withoutOptional) }),
      webhookTarget: () => placeOf(caBundle),
    });
    const stop = new AbortController();
    const isAlive = (): boolean => !stop.signal.aborted;
    for (const part of operator.runnables) void part.start(stop.signal).catch(() => undefined);
    void this.#serve(operator, stop.signal).catch(() => undefined);
    return {
      operator,
      isAlive,
      lead: () => void operator.runAsLeader(stop.signal).catch(() => undefined),
      kill: () => {
        this.#webhooks.delete(operator.handlers);
        void transport.close();
        stop.abort(new Error('killed'));
      },
    };
  }

  #guarding(faults: FaultPlan): FaultPlan {
    return {
      ...faults,
      beforeCall: (call) => {
        if (isTrespass(call))
          this.trespasses.push(`${call.method} ${call.path} ${call.body ?? ''}`);
        return faults.beforeCall?.(call);
      },
    };
  }

  async #serve({ informers, handlers }: Operator, signal: AbortSignal): Promise<void> {
    await informers.whenSynced(signal);
    if (!signal.aborted) this.#webhooks.add(handlers);
  }

  async #answer(
    url: string,
    review: Uint8Array,
  ): Promise<{ status: number; body: string | Uint8Array }> {
    const webhooks = [...this.#webhooks];
    const webhook = webhooks[Math.floor(this.scheduler.random() * webhooks.length)];
    if (webhook === undefined) throw new Error(`Post "${url}": connect: connection refused`);
    const { pathname } = new URL(url);
    return reviewAdmission(review, webhook, pathname);
  }
}

/** What the operator may write of a workload, apart from its metadata. */
const OWN_FIELDS: Readonly<Record<string, readonly string[]>> = {
  deployments: ['/spec/template'],
  replicasets: ['/spec/replicas'],
  statefulsets: ['/spec/template', '/spec/updateStrategy'],
  cronjobs: ['/spec/jobTemplate', '/spec/suspend'],
  jobs: ['/spec/suspend', '/spec/parallelism'],
};

const isOwnField = (path: string, kind: string): boolean =>
  OWN_FIELDS[kind]?.includes(path) === true || /^\/(metadata|status\/conditions)\//.test(path);

function isTrespass({ method, write, path, body = '[]' }: CallInfo): boolean {
  const [, kind = ''] =
    /^\/apis\/(?:apps|batch)\/v1\/.*\/(deployments|replicasets|statefulsets|cronjobs|jobs)\//.exec(
      path,
    ) ?? [];
  if (write === 0 || kind === '' || (kind === 'jobs' && method === 'DELETE')) return false;
  const ops = JSON.parse(body) as unknown;
  const isOwn = ({ op, path: field }: { readonly op: string; readonly path: string }): boolean =>
    op === 'test' || isOwnField(field, kind);
  return !Array.isArray(ops) || !ops.every(isOwn);
}

async function placeOf(caBundle?: () => Promise<string>): Promise<WebhookTarget> {
  const trust = caBundle === undefined ? {} : { caBundle: await caBundle() };
  return {
    operatorUser: OPERATOR.username,
    operatorNamespace: OPERATOR_NAMESPACE,
    clientConfig: (path) => ({ url: `https://operator${path}`, ...trust }),
  };
}

/** What the conditions of the webhooks say; those of workloads without CEL, which would read whole templates. */
export const matchCondition: MatchEvaluator = (expression, { object, oldObject, request }) => {
  const notUser = /^request\.userInfo\.username != '(.*)'$/.exec(expression);
  if (notUser !== null) return userOf(request) !== notUser[1];
  if (/ownerReferences|subResource/.test(expression))
    return programOf(expression)({ object, oldObject, request }) === true;
  if (!/\?(template|jobTemplate)/.test(expression)) {
    const variables = { object: forCel(object), oldObject: forCel(oldObject), request };
    return programOf(expression)(variables) === true;
  }
  if (oldObject === null || object === null) return true;
  const [before, after] = [annotationsOf(oldObject), annotationsOf(object)];
  return (
    canonicalJson(templateOf(object)) !== canonicalJson(templateOf(oldObject)) ||
    [ANNOTATIONS.release, ANNOTATIONS.hold, ANNOTATIONS.actor].some(
      (name) => before[name] !== after[name],
    ) ||
    (before[ANNOTATIONS.hold] !== undefined &&
      canonicalJson(borrowedOf(object)) !== canonicalJson(borrowedOf(oldObject)))
  );
};

function borrowedOf(object: Json): unknown {
  const { updateStrategy, suspend, parallelism } = child(object, 'spec');
  return { updateStrategy, suspend, parallelism };
}

const environment = new Environment({ unlistedVariablesAreDyn: true, enableOptionalTypes: true });
const programs = new Map<string, ParseResult>();

function programOf(expression: string): ParseResult {
  const known = programs.get(expression) ?? environment.parse(expression);
  programs.set(expression, known);
  return known;
}

/** What conditions on ReplicaSets and Jobs read, with the integers of CEL. */
function forCel(object: Json | null): Json | null {
  if (object === null) return null;
  const { annotations, labels, ownerReferences } = child(object, 'metadata');
  const { replicas = 1, managedBy } = child(object, 'spec');
  const metadata = {
    ...(annotations === undefined ? {} : { annotations }),
    ...(labels === undefined ? {} : { labels }),
    ...(ownerReferences === undefined ? {} : { ownerReferences }),
  };
  const spec = {
    replicas: BigInt(Number(replicas)),
    ...(managedBy === undefined ? {} : { managedBy }),
  };
  return { metadata, spec };
}

type Json = Readonly<Record<string, unknown>>;

const child = (object: unknown, key: string): Json => {
  const value = typeof object === 'object' && object !== null ? (object as Json)[key] : undefined;
  return typeof value === 'object' && value !== null ? (value as Json) : {};
};
const userOf = (request: Json): unknown => child(request, 'userInfo')['username'];
const annotationsOf = (object: Json): Json => child(child(object, 'metadata'), 'annotations');

function templateOf(object: Json): Json {
  const { template, jobTemplate } = child(object, 'spec');
  return { template, jobTemplate };
}
