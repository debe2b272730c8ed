// SPDX-License-Identifier: Apache-2.0
import { isAlreadyExists, isConflict, isForbidden, isNotFound } from '../../errors/errors.ts';
import { RESOURCES } from '../../client/object.ts';
import type { Runnable } from '../../manager/runnable.ts';
import { DeadlineSignal } from '../../runtime/abort.ts';
import type { Logger } from '../../runtime/logger.ts';
import { type Scheduler, sleep } from '../../runtime/scheduler.ts';
import { type CertificateSet, endOf, readCertificates } from './certificate-set.ts';
import { issueInChild } from './issue-in-child.ts';
import type { IssueRequest } from './issue.ts';
import { type CertificatePlan, planCertificates } from './plan.ts';
import { type Secret, type SecretClient, dataOf, setOf } from './secret.ts';

export interface CertificateManagerOptions {
  readonly client: SecretClient;
  /** Where the Secret lives. */
  readonly namespace: string;
  readonly name: string;
  /** Names and addresses that the API server uses to call the webhook. */
  readonly dnsNames: readonly string[];
  readonly ips?: readonly string[];
  readonly scheduler: Scheduler;
  readonly log: Logger;
  /** Default 90 days; a successor is issued after two thirds. */
  readonly leafLifetimeMs?: number;
  /** Default 10 years; a successor is issued after two thirds. */
  readonly caLifetimeMs?: number;
  /** How long clients take to trust a published bundle. Default 30 s. */
  readonly settleMs?: number;
  /** Serve this from now on; also called for the first one. */
  readonly onCertificate: (set: CertificateSet, facts: { readonly expiresAt: number }) => void;
  /** Makes the API server trust this bundle (`caBundle` of webhooks). Repeated after a failure. */
  readonly publish?: (caBundle: string, signal: AbortSignal) => Promise<void>;
  /** Makes them. Default: in a process that ends with it. */
  readonly issue?: typeof issueInChild;
}

const DAY_MS = 86_400_000;
const MAX_ATTEMPTS = 10;
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 60_000;

type Write = Extract<CertificatePlan, { action: 'Write' }>;

/** Keeps the replicas' shared serving certificate in a Secret and rotates it before it expires. */
export class CertificateManager implements Runnable {
  readonly name = 'certificates';
  readonly #options: CertificateManagerOptions;
  readonly #desired: {
    dnsNames: readonly string[];
    ips: readonly string[];
    leafLifetimeMs: number;
  };
  readonly #ready: Promise<CertificateSet>;
  #markReady: (set: CertificateSet) => void = () => undefined;
  #current: CertificateSet | undefined;
  #published: { readonly bundle: string; readonly at: number } | undefined;
  #poke: DeadlineSignal | undefined;

  constructor(options: CertificateManagerOptions) {
    this.#options = options;
    const { dnsNames, ips = [], leafLifetimeMs = 90 * DAY_MS } = options;
    this.#desired = { dnsNames, ips, leafLifetimeMs };
    this.#ready = new Promise((resolve) => {
      this.#markReady = resolve;
    });
  }

  /** The certificate in use. */
  get current(): CertificateSet | undefined {
    return this.#current;
  }

  /** Resolves with the first certificate. */
  whenReady(): Promise<CertificateSet> {
    return this.#ready;
  }

  /** The Secret changed or went away: look again now, not at the next planned time. */
  secretChanged(): void {
    this.#poke?.abort(new Error('the certificates changed'));
  }

  /** Runs until `signal` aborts. Errors of the API server are logged and retried. */
  async start(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      const poke = new DeadlineSignal(signal);
      this.#poke = poke;
      let waitMs: number;
      try {
        waitMs = await this.refresh(signal);
        failures = 0;
      } catch (err) {
        if (isAborted(signal)) return;
        waitMs = this.#backOff(failures);
        failures += 1;
        this.#options.log.error(this.#troubleOf(err), { err, retryInMs: waitMs });
      }
      await sleep(this.#options.scheduler, waitMs, poke.signal);
      poke.dispose();
    }
  }

  /** Reconciles Secret, server and CA bundle; resolves with milliseconds until the next check. */
  async refresh(signal: AbortSignal): Promise<number> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const waitMs = await this.#step(signal);
      if (waitMs !== undefined) return waitMs;
    }
    throw new Error(
      `${this.#where}: another client keeps changing it; check whether another tool manages it`,
    );
  }

  /** One read and at most one write; `undefined`: look again. */
  async #step(signal: AbortSignal): Promise<number | undefined> {
    const secret = await this.#read(signal);
    const current = secret && setOf(secret);
    const { scheduler } = this.#options;
    const now = scheduler.now();
    const published = this.#trustedAt(current) <= scheduler.elapsed();
    const plan = planCertificates({ current, desired: this.#desired, now, published });
    if (plan.action === 'Write') {
      await this.#write(plan, secret, signal);
      return undefined;
    }
    if (current === undefined) return undefined;
    this.#adopt(current);
    if (await this.#publish(current.caBundle, signal)) return undefined;
    return plan.action === 'Keep'
      ? plan.checkAt - now
      : this.#trustedAt(current) - scheduler.elapsed();
  }

  async #read(signal: AbortSignal): Promise<Secret | undefined> {
    const { client, namespace, name } = this.#options;
    try {
      return await client.get(RESOURCES.secret, { namespace, name }, { signal });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #write(plan: Write, secret: Secret | undefined, signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    const fields = { secret: this.#where, reason: plan.reason };
    if (plan.broken) log.warn('stored certificates are unusable, issuing new ones', fields);
    else log.info('rotating certificates', fields);
    const set = await this.#issue(plan, secret && setOf(secret), signal);
    try {
      await this.#store(set, secret, signal);
    } catch (error) {
      // Another replica was faster: its certificate is equally valid.
      if (!isConflict(error) && !isAlreadyExists(error) && !isNotFound(error)) throw error;
      log.debug('another replica wrote the certificates first', fields);
    }
  }

  async #issue(
    plan: Write,
    current: CertificateSet | undefined,
    signal: AbortSignal,
  ): Promise<CertificateSet> {
    const { issue = issueInChild } = this.#options;
    const { authority, leaf = current } = await issue(this.#orderOf(plan, current), signal);
    if (leaf === undefined) throw new Error(`${this.#where}: no leaf was issued, none is stored`);
    const bundle = plan.newAuthority ? [authority.cert, ...plan.keep] : plan.keep;
    const { cert, key } = leaf;
    return { cert, key, caBundle: bundle.map(endLine).join(''), caKey: authority.key };
  }

  #orderOf(plan: Write, current: CertificateSet | undefined): IssueRequest {
    const { name, caLifetimeMs = 3650 * DAY_MS, scheduler } = this.#options;
    const { leafLifetimeMs, ...names } = this.#desired;
    return {
      now: scheduler.now(),
      authority: plan.newAuthority
        ? { commonName: `${name}-ca`, lifetimeMs: caLifetimeMs }
        : { cert: plan.keep[0] ?? '', key: current?.caKey ?? '' },
      ...(plan.newLeaf && { leaf: { ...names, lifetimeMs: leafLifetimeMs } }),
    };
  }

  async #store(
    set: CertificateSet,
    secret: Secret | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, namespace, name } = this.#options;
    const data = dataOf(set);
    if (secret === undefined) {
      const head = { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name } };
      const body = { ...head, type: 'kubernetes.io/tls', data };
      await client.create(RESOURCES.secret, namespace, body, { signal });
      return;
    }
    const { resourceVersion } = secret.metadata;
    const body = { metadata: { resourceVersion }, data };
    await client.patch(RESOURCES.secret, { namespace, name }, { type: 'merge', body }, { signal });
  }

  #adopt(set: CertificateSet): void {
    if (set.cert === this.#current?.cert && set.caBundle === this.#current.caBundle) return;
    this.#current = set;
    const [leaf] = readCertificates(set.cert);
    this.#options.onCertificate(set, { expiresAt: leaf === undefined ? 0 : endOf(leaf) });
    this.#markReady(set);
  }

  /**
   * True when something was published: the Secret must then be read again, for a replica that
   * published meanwhile may have been overwritten, and only the last reader can detect it.
   */
  async #publish(bundle: string, signal: AbortSignal): Promise<boolean> {
    const { publish, scheduler } = this.#options;
    if (this.#published?.bundle === bundle) return false;
    await publish?.(bundle, signal);
    this.#published = { bundle, at: scheduler.elapsed() };
    return true;
  }

  #trustedAt(set: CertificateSet | undefined): number {
    const { settleMs = 30_000 } = this.#options;
    const known = set !== undefined && this.#published?.bundle === set.caBundle;
    return known && this.#published !== undefined ? this.#published.at + settleMs : Infinity;
  }

  #backOff(failures: number): number {
    const most = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** failures);
    return most * (0.5 + this.#options.scheduler.random() / 2);
  }

  #troubleOf(error: unknown): string {
    return isForbidden(error)
      ? `may not keep certificates in ${this.#where}: allow get, create and patch of secrets there`
      : `keeping certificates in ${this.#where} failed`;
  }

  get #where(): string {
    return `secret ${this.#options.namespace}/${this.#options.name}`;
  }
}

const endLine = (pem: string): string => `${pem.trim()}\n`;

const isAborted = (signal: AbortSignal): boolean => signal.aborted;
