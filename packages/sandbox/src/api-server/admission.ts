// SPDX-License-Identifier: Apache-2.0
import { RESOURCES, type APIResource, type Scheduler } from '@altershield/kube';
import { dig, integer, isJsonObject, list, text, type Json, type StoredObject } from '../json.ts';
import { within, type Span } from '../scheduler/random.ts';
import { isSelected } from './admission-match.ts';
import { readAnswer, reviewRequest, type ReviewAnswer } from './admission-review.ts';
import type { AdmissionAttributes } from './call.ts';
import { typeKey } from './definition.ts';
import { badRequest, internalError } from './failure.ts';
import { applyJsonPatch } from './json-patch.ts';
import { applyPolicy, type MutatingPolicy } from './policy.ts';
import type { ObjectStore } from './store.ts';
import { newUid, withTimeout } from './util.ts';

export interface AdmissionAnswer {
  readonly status: number;
  readonly body: string | Uint8Array;
}

/** Carries an AdmissionReview to a webhook's URL; `caBundle` is PEM. */
export type AdmissionTransport = (
  url: string,
  review: Uint8Array,
  options: { readonly caBundle: string; readonly timeoutMs: number },
) => AdmissionAnswer | Promise<AdmissionAnswer>;

export interface MatchVariables {
  readonly object: Json | null;
  readonly oldObject: Json | null;
  readonly request: Json;
}

/** Evaluates one CEL `matchConditions` expression; an Error counts as a failure of the webhook. */
export type MatchEvaluator = (expression: string, variables: MatchVariables) => boolean;

export interface AdmissionOptions {
  readonly transport?: AdmissionTransport | undefined;
  /** Default: every condition holds. */
  readonly evaluateMatchCondition?: MatchEvaluator | undefined;
  /** Runs before the webhooks, inside the server: needs no transport, and no time. */
  readonly policy?: MutatingPolicy | undefined;
  /** Latency of a review. Default 1–4 ms. */
  readonly latency?: Span | undefined;
}

interface Webhook {
  readonly name: string;
  readonly url: string;
  readonly config: Json;
}

/** Calls the webhooks that the cluster's own configuration objects name. */
export class Admission {
  readonly #store: ObjectStore;
  readonly #scheduler: Scheduler;
  readonly #options: AdmissionOptions;

  constructor(store: ObjectStore, scheduler: Scheduler, options: AdmissionOptions) {
    this.#store = store;
    this.#scheduler = scheduler;
    this.#options = options;
  }

  /** The object as the policy and the mutating webhooks leave it; throws an StatusError when one denies. */
  async mutate(
    attributes: AdmissionAttributes,
    complete: (object: StoredObject) => StoredObject,
  ): Promise<StoredObject | undefined> {
    const first = this.#obeyPolicy({ ...attributes, phase: 'Mutating' }, complete);
    const reviewed = await this.#mutateByWebhooks(first, complete);
    // As with reinvocationPolicy IfNeeded, the policy runs again after a webhook changed the object.
    return reviewed.object === first.object
      ? reviewed.object
      : this.#obeyPolicy(reviewed, complete).object;
  }

  #obeyPolicy(
    attributes: AdmissionAttributes,
    complete: (object: StoredObject) => StoredObject,
  ): AdmissionAttributes {
    const { policy } = this.#options;
    if (policy === undefined) return attributes;
    const object = applyPolicy(policy, attributes);
    if (object === undefined || object === attributes.object) return attributes;
    return { ...attributes, object: complete(object) };
  }

  async #mutateByWebhooks(
    attributes: AdmissionAttributes,
    complete: (object: StoredObject) => StoredObject,
  ): Promise<AdmissionAttributes> {
    let current = attributes;
    const seen = new Map<Webhook, StoredObject | undefined>();
    for (const webhook of this.#webhooks(RESOURCES.mutatingWebhook, attributes)) {
      current = await this.#mutateOnce(webhook, current, complete);
      seen.set(webhook, current.object);
    }
    for (const [webhook, left] of seen) {
      const isWanted = webhook.config['reinvocationPolicy'] === 'IfNeeded';
      if (isWanted && left !== current.object) {
        current = await this.#mutateOnce(webhook, current, complete);
      }
    }
    return current;
  }

  async validate(given: AdmissionAttributes): Promise<void> {
    const attributes: AdmissionAttributes = { ...given, phase: 'Validating' };
    for (const webhook of this.#webhooks(RESOURCES.validatingWebhook, attributes)) {
      await this.#review(webhook, attributes);
    }
  }

  async #mutateOnce(
    webhook: Webhook,
    attributes: AdmissionAttributes,
    complete: (object: StoredObject) => StoredObject,
  ): Promise<AdmissionAttributes> {
    const answer = await this.#review(webhook, attributes);
    if (answer?.patch === undefined || attributes.object === undefined) return attributes;
    const patched = applyJsonPatch(attributes.object, answer.patch);
    return { ...attributes, object: complete(patched as StoredObject) };
  }

  #webhooks(resource: APIResource, attributes: AdmissionAttributes): Webhook[] {
    const { group } = attributes.call.definition.resource;
    // The API server never lets a webhook intercept the webhook configurations.
    if (group === RESOURCES.mutatingWebhook.group) return [];
    const { namespace } = attributes.call.key;
    const home = this.#store.get(typeKey(RESOURCES.namespace), { namespace: '', name: namespace });
    return this.#store
      .list(typeKey(resource))
      .flatMap((configuration) => list(configuration['webhooks']).filter(isJsonObject))
      .filter((config) => isSelected(config, attributes, home))
      .map((config) => ({
        name: text(config['name']),
        url: text(dig(config, 'clientConfig', 'url')),
        config,
      }));
  }

  /** Undefined when the webhook was not called, or failed and may be ignored. */
  async #review(
    webhook: Webhook,
    attributes: AdmissionAttributes,
  ): Promise<ReviewAnswer | undefined> {
    const uid = newUid(this.#scheduler);
    const request = reviewRequest(attributes, uid);
    if (!this.#conditionsHold(webhook, request)) return undefined;
    refuseDryRunWithSideEffects(webhook, attributes);
    const answer = await this.#call(webhook, request, uid).catch((error: unknown) => {
      refuseUnlessIgnored(webhook, error);
      return undefined;
    });
    if (answer === undefined) return undefined;
    attributes.call.warnings.push(...answer.warnings);
    if (!answer.isAllowed) throw answer.denial;
    return answer;
  }

  #conditionsHold(webhook: Webhook, request: Json): boolean {
    try {
      return this.#evaluateConditions(webhook, request);
    } catch (error) {
      refuseUnlessIgnored(webhook, error);
      return false;
    }
  }

  #evaluateConditions({ config }: Webhook, request: Json): boolean {
    const evaluate = this.#options.evaluateMatchCondition ?? ((): boolean => true);
    const object = request['object'] as Json | null;
    const oldObject = request['oldObject'] as Json | null;
    return list(config['matchConditions']).every((condition) =>
      evaluate(text(dig(condition, 'expression')), { object, oldObject, request }),
    );
  }

  async #call(webhook: Webhook, request: Json, uid: string): Promise<ReviewAnswer> {
    const { transport, latency = { min: 1, max: 4 } } = this.#options;
    const seconds = integer(webhook.config['timeoutSeconds']) || 10;
    const url = `${webhook.url}${webhook.url.includes('?') ? '&' : '?'}timeout=${seconds}s`;
    if (transport === undefined) throw new Error(`Post "${url}": connect: connection refused`);
    const review = JSON.stringify({
      kind: 'AdmissionReview',
      apiVersion: 'admission.k8s.io/v1',
      request,
    });
    const caBundle = Buffer.from(
      text(dig(webhook.config, 'clientConfig', 'caBundle')),
      'base64',
    ).toString('utf8');
    const wait = within(latency, () => this.#scheduler.random());
    const { status, body } = await withTimeout(this.#scheduler, {
      timeoutMs: seconds * 1000,
      message: `Post "${url}": context deadline exceeded`,
      start: () =>
        Promise.resolve(
          transport(webhook.url, Buffer.from(review), { caBundle, timeoutMs: seconds * 1000 }),
        ),
      delayMs: wait,
    });
    if (status !== 200) throw new Error(`the server responded with the status code ${status}`);
    const answer = typeof body === 'string' ? body : Buffer.from(body).toString('utf8');
    return readAnswer(answer, uid, webhook.name);
  }
}

function refuseUnlessIgnored({ name, config }: Webhook, error: unknown): void {
  if (config['failurePolicy'] === 'Ignore') return;
  const why = error instanceof Error ? error.message : String(error);
  throw internalError(`failed calling webhook "${name}": failed to call webhook: ${why}`);
}

function refuseDryRunWithSideEffects(
  { name, config }: Webhook,
  { call }: AdmissionAttributes,
): void {
  const { sideEffects } = config;
  if (call.dryRun && sideEffects !== 'None' && sideEffects !== 'NoneOnDryRun') {
    throw badRequest(`admission webhook "${name}" does not support dry run`);
  }
}
