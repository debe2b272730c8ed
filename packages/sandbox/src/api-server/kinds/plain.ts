// SPDX-License-Identifier: Apache-2.0
import { dig, list, asJsonObject, same, text, type Json, type StoredObject } from '../../json.ts';
import { desired, type KindRules } from '../definition.ts';
import { FIELD, type FieldProblem } from '../failure.ts';
import { validateSelector } from './selector.ts';

const specChanged = (a: StoredObject, b: StoredObject): boolean => !same(desired(a), desired(b));

/** Kinds that are stored as they come. */
export const plainRules: KindRules = {
  complete: (object) => object,
  validate: () => [],
  bumpsGeneration: undefined,
};

export const generationRules: KindRules = { ...plainRules, bumpsGeneration: specChanged };

export const namespaceRules: KindRules = {
  complete: (object) => ({
    ...object,
    metadata: {
      ...object.metadata,
      labels: { ...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name },
    },
    spec: { finalizers: ['kubernetes'] },
    status: object['status'] ?? { phase: 'Active' },
  }),
  validate: () => [],
  bumpsGeneration: undefined,
};

export const secretRules: KindRules = {
  complete: ({ stringData, ...object }: StoredObject & { stringData?: unknown }) => ({
    ...object,
    ...(stringData === undefined
      ? {}
      : { data: { ...asJsonObject(object['data']), ...encoded(asJsonObject(stringData)) } }),
    type: object['type'] ?? 'Opaque',
  }),
  validate: validateImmutable,
  bumpsGeneration: undefined,
};

const encoded = (values: Json): Json =>
  Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      key,
      Buffer.from(text(value)).toString('base64'),
    ]),
  );

export const configMapRules: KindRules = { ...plainRules, validate: validateImmutable };

function validateImmutable(object: StoredObject, old: StoredObject | undefined): FieldProblem[] {
  const isLocked = old?.['immutable'] === true;
  return isLocked && !same(object['data'], old['data'])
    ? [FIELD.forbidden('data', 'field is immutable when `immutable` is set')]
    : [];
}

/** Both webhook configurations: the defaults that the API server writes into them. */
export const webhookRules: KindRules = {
  complete: (object) => ({
    ...object,
    webhooks: list(object['webhooks']).map((one) =>
      completeWebhook(asJsonObject(one), object.kind),
    ),
  }),
  validate: (object) =>
    list(object['webhooks']).flatMap((one, at) =>
      validateWebhook(asJsonObject(one), `webhooks[${at}]`),
    ),
  bumpsGeneration: specChanged,
};

function completeWebhook(webhook: Json, kind: string): Json {
  const isMutating = kind === 'MutatingWebhookConfiguration';
  return {
    ...webhook,
    failurePolicy: webhook['failurePolicy'] ?? 'Fail',
    matchPolicy: webhook['matchPolicy'] ?? 'Equivalent',
    namespaceSelector: webhook['namespaceSelector'] ?? {},
    objectSelector: webhook['objectSelector'] ?? {},
    timeoutSeconds: webhook['timeoutSeconds'] ?? 10,
    ...(isMutating ? { reinvocationPolicy: webhook['reinvocationPolicy'] ?? 'Never' } : {}),
    rules: list(webhook['rules']).map((rule) => ({ scope: '*', ...asJsonObject(rule) })),
  };
}

function validateWebhook(webhook: Json, path: string): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const { timeoutSeconds, sideEffects } = webhook;
  if (text(webhook['name']).split('.').length < 3) {
    const why = 'should be a domain with at least three segments separated by dots';
    problems.push(FIELD.invalid(`${path}.name`, webhook['name'], why));
  }
  if (typeof timeoutSeconds === 'number' && (timeoutSeconds < 1 || timeoutSeconds > 30)) {
    const why = 'the timeout value must be between 1 and 30 seconds';
    problems.push(FIELD.invalid(`${path}.timeoutSeconds`, timeoutSeconds, why));
  }
  if (sideEffects !== 'None' && sideEffects !== 'NoneOnDryRun') {
    const at = `${path}.sideEffects`;
    problems.push(
      sideEffects === undefined
        ? FIELD.required(at, 'must specify one of None, NoneOnDryRun')
        : FIELD.notSupported(at, sideEffects, ['None', 'NoneOnDryRun']),
    );
  }
  if (!text(dig(webhook, 'clientConfig', 'url')).startsWith('https://')) {
    const why = "'https' is the only allowed URL scheme";
    const url = dig(webhook, 'clientConfig', 'url');
    if (url !== undefined) problems.push(FIELD.invalid(`${path}.clientConfig.url`, url, why));
  }
  const selectors = ['namespaceSelector', 'objectSelector'].flatMap((field) =>
    validateSelector(webhook[field], `${path}.${field}`),
  );
  return [...problems, ...selectors];
}
