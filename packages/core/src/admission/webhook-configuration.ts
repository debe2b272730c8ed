// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS, EXEMPT_NAMESPACES, GROUP, LABELS, VERSION } from '@altershield/api';
import { futility, names, type GoodPolicy } from '../policy/match.ts';
import { canonical } from '../revision/fingerprint.ts';
import { celText, notTheOperator } from '../cap/cel.ts';
import { CLAMPS_AT_REST, CLAMPS_IN_FLIGHT, inlined } from '../cap/clamp-table.ts';
import { isMap } from '../workload/types.ts';

type Json = Readonly<Record<string, unknown>>;

export interface WebhookPlace {
  /** The webhook's address: a Service in the cluster, or a URL outside of it. */
  readonly clientConfig: (path: string) => Json;
  /** User name of the operator itself: its own writes are never reviewed. */
  readonly operatorUser: string;
  readonly operatorNamespace: string;
}

export const PATHS = {
  mutateWorkload: '/mutate/workload',
  validateWorkload: '/validate/workload',
  mutateReplicaSet: '/mutate/replicaset',
  validatePolicy: '/validate/policy',
  mutateRecord: '/mutate/record',
  validateRecord: '/validate/record',
} as const;

const TIMEOUT_SECONDS = 5;
/** Controllers of the cluster wait for it, with few workers: while the operator hangs, so do they. */
const REPLICA_SET_TIMEOUT_SECONDS = 2;

/** The API server does not even call us for a write that is no change. */
function workloadConditions(operatorUser: string): Json[] {
  const ours = [ANNOTATIONS.release, ANNOTATIONS.actor].map(celText).join(', ');
  return [
    notTheOperator(operatorUser),
    {
      name: 'a-change',
      expression: [
        `request.operation == 'CREATE'`,
        `object.spec.template != oldObject.spec.template`,
        `[${ours}].exists(k, object.metadata.?annotations[?k] != oldObject.metadata.?annotations[?k])`,
      ].join(' || '),
    },
  ];
}

const workloadRules = (plural: 'deployments' | 'replicasets'): Json[] => [
  {
    apiGroups: ['apps'],
    apiVersions: ['v1'],
    operations: ['CREATE', 'UPDATE'],
    resources: [plural],
    scope: 'Namespaced',
  },
];

/**
 * One entry per policy: its namespaces, its labels. A user's write never fails because no operator
 * is alive: what the policy asks for then is kept by the clamp.
 */
function workloadWebhooks(
  policies: readonly GoodPolicy[],
  place: WebhookPlace,
  verb: 'mutate' | 'validate',
): Json[] {
  return policies.map((policy) => ({
    name: nameOf(verb, policy),
    admissionReviewVersions: ['v1'],
    clientConfig: place.clientConfig(
      verb === 'mutate' ? PATHS.mutateWorkload : PATHS.validateWorkload,
    ),
    failurePolicy: 'Ignore',
    matchPolicy: 'Equivalent',
    sideEffects: 'None',
    timeoutSeconds: TIMEOUT_SECONDS,
    rules: workloadRules('deployments'),
    matchConditions: workloadConditions(place.operatorUser),
    namespaceSelector: namespaceSelector(policy, place.operatorNamespace),
    objectSelector: policy.spec.target.selector ?? {},
    ...(verb === 'mutate' ? { reinvocationPolicy: 'IfNeeded' } : {}),
  }));
}

/** Names are DNS subdomains of 253 characters at most; a long policy name gives way to its uid. */
function nameOf(verb: string, { name, namespace, uid }: GoodPolicy): string {
  const full = `${verb}.${name}.${namespace}.${GROUP}`;
  return full.length <= 253 ? full : `${verb}.${uid}.${namespace}.${GROUP}`;
}

function namespaceSelector(policy: GoodPolicy, operatorNamespace: string): Json {
  const notIgnored = { key: LABELS.admission, operator: 'NotIn', values: ['ignore'] };
  const byName = 'kubernetes.io/metadata.name';
  if (policy.namespace !== operatorNamespace) {
    return { matchLabels: { [byName]: policy.namespace }, matchExpressions: [notIgnored] };
  }
  const { matchLabels = {}, matchExpressions = [] } = policy.spec.target.namespaceSelector ?? {};
  const values = [...EXEMPT_NAMESPACES, operatorNamespace].filter(
    (namespace) => !names(policy.spec.target.namespaceSelector, namespace),
  );
  const exempt = values.length === 0 ? [] : [{ key: byName, operator: 'NotIn', values }];
  return { matchLabels, matchExpressions: [...matchExpressions, ...exempt, notIgnored] };
}

const recordWebhook = (
  place: WebhookPlace,
  path: string,
  resources: readonly string[],
  operations: readonly string[],
): Json => ({
  name: `${path.slice(1).replaceAll('/', '.')}.${GROUP}`,
  admissionReviewVersions: ['v1'],
  clientConfig: place.clientConfig(path),
  failurePolicy: 'Ignore',
  matchPolicy: 'Equivalent',
  sideEffects: 'None',
  timeoutSeconds: TIMEOUT_SECONDS,
  rules: [
    { apiGroups: [GROUP], apiVersions: [VERSION], operations, resources, scope: 'Namespaced' },
  ],
  matchConditions: [notTheOperator(place.operatorUser)],
});

/**
 * The clamp by webhook. In flight it fails closed, at rest it does not: what is pushed while no
 * operator is alive rolls out, what is held stays held. Scaling goes on as well, each revision in its
 * share. Both are called only for a write whose number they would change.
 */
const replicaSetWebhook = (
  place: WebhookPlace,
  form: {
    readonly name: string;
    readonly failurePolicy: 'Fail' | 'Ignore';
    readonly calls: string;
  },
): Json => ({
  name: `${form.name}.replicaset.${GROUP}`,
  admissionReviewVersions: ['v1'],
  clientConfig: place.clientConfig(PATHS.mutateReplicaSet),
  failurePolicy: form.failurePolicy,
  matchPolicy: 'Equivalent',
  sideEffects: 'None',
  timeoutSeconds: REPLICA_SET_TIMEOUT_SECONDS,
  rules: workloadRules('replicasets'),
  matchConditions: [
    notTheOperator(place.operatorUser),
    {
      name: 'released',
      expression: `object.metadata.?annotations[?'${ANNOTATIONS.release}'].hasValue()`,
    },
    { name: form.name, expression: inlined(form.calls) },
  ],
  reinvocationPolicy: 'IfNeeded',
});

const IN_FLIGHT = { name: 'in-flight', failurePolicy: 'Fail', calls: CLAMPS_IN_FLIGHT } as const;
const AT_REST = { name: 'at-rest', failurePolicy: 'Ignore', calls: CLAMPS_AT_REST } as const;

export interface WebhookOptions {
  /** Whether the API server itself clamps what is in flight; otherwise a webhook does. */
  readonly nativeClamp: boolean;
}

/** Both lists of webhooks, from the policies as they stand. */
export function webhooksFor(
  policies: readonly GoodPolicy[],
  place: WebhookPlace,
  { nativeClamp }: WebhookOptions,
): { readonly mutating: readonly Json[]; readonly validating: readonly Json[] } {
  const sorted = policies
    .filter(({ namespace }) => futility(namespace, place.operatorNamespace) === undefined)
    .sort((a, b) => (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1));
  return {
    mutating: [
      ...workloadWebhooks(sorted, place, 'mutate'),
      ...(nativeClamp ? [] : [replicaSetWebhook(place, IN_FLIGHT)]),
      replicaSetWebhook(place, AT_REST),
      {
        ...recordWebhook(place, PATHS.mutateRecord, ['changeworkloads'], ['UPDATE']),
        reinvocationPolicy: 'Never',
      },
    ],
    validating: [
      ...workloadWebhooks(sorted, place, 'validate'),
      recordWebhook(place, PATHS.validatePolicy, ['changepolicies'], ['CREATE', 'UPDATE']),
      recordWebhook(
        place,
        PATHS.validateRecord,
        ['changeworkloads', 'changeworkloads/status', 'changepods', 'changepods/status'],
        ['CREATE', 'UPDATE'],
      ),
    ],
  };
}

/** Whether two lists of webhooks say the same: the API server leaves out what is empty. */
export const isSameConfiguration = (a: unknown, b: unknown): boolean =>
  canonical(withoutEmpty(a)) === canonical(withoutEmpty(b));

function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (!isMap(value)) return value;
  const kept = Object.entries(value).map(([key, item]) => [key, withoutEmpty(item)] as const);
  return Object.fromEntries(kept.filter(([, item]) => !isEmpty(item)));
}

const isEmpty = (value: unknown): boolean =>
  Array.isArray(value) ? value.length === 0 : isMap(value) && Object.keys(value).length === 0;
