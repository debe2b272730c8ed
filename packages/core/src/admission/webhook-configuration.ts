// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS, EXEMPT_NAMESPACES, GROUP, LABELS, VERSION } from '@altershield/api';
import { canonicalJson, shortHash } from '../json/canonical.ts';
import { exemptionReason, matchesKind, selectsByName, type ValidPolicy } from '../policy/match.ts';
import { strategyFor } from '../policy/strategy.ts';
import type { APIResource, WorkloadAdapter } from '../workload/adapter.ts';
import { ADAPTERS } from '../workload/registry.ts';
import { celText, notTheOperator } from '../workload/cel.ts';
import {
  CLAMPS_AT_REST,
  CLAMPS_IN_FLIGHT,
  inlined,
} from '../workload/deployment/cap/clamp-table.ts';
import { isJsonObject } from '../json/json.ts';

type Json = Readonly<Record<string, unknown>>;

export interface WebhookTarget {
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

/** `object.?spec.?template`: a field that a kind does not have is absent on both sides, and so equal. */
const optional = (root: string, path: string): string =>
  [root, ...path.split('/').slice(1)].join('.?');

const differs = (path: string): string =>
  `${optional('object', path)} != ${optional('oldObject', path)}`;

const HELD = `oldObject.metadata.?annotations[?'${ANNOTATIONS.hold}'].hasValue()`;

/** The API server does not even call us for a write that is no change. */
function workloadConditions(operatorUser: string, kinds: readonly WorkloadAdapter[]): Json[] {
  const added = kinds.flatMap(({ admission }) => admission.annotations);
  const ours = unique([...added, ANNOTATIONS.actor])
    .map(celText)
    .join(', ');
  const paths = unique(kinds.map(({ descriptor }) => descriptor.revisionPath));
  const borrowed = unique(kinds.flatMap(({ descriptor }) => descriptor.borrowedFields));
  return [
    notTheOperator(operatorUser),
    {
      name: 'a-change',
      expression: [
        `request.operation == 'CREATE'`,
        ...paths.map(differs),
        `[${ours}].exists(k, object.metadata.?annotations[?k] != oldObject.metadata.?annotations[?k])`,
        ...borrowed.map((path) => `(${HELD} && ${differs(path)})`),
      ].join(' || '),
    },
  ];
}

const unique = (texts: readonly string[]): string[] => [...new Set(texts)];

const rule = (
  { group, version, plural }: Pick<APIResource, 'group' | 'version' | 'plural'>,
  operations: readonly string[] = ['CREATE', 'UPDATE'],
): Json => ({
  apiGroups: [group],
  apiVersions: [version],
  operations,
  resources: [plural],
  scope: 'Namespaced',
});

/** What one entry is for: policies that select alike, and kinds that are held alike. */
interface Entry {
  readonly policies: readonly ValidPolicy[];
  readonly kinds: readonly WorkloadAdapter[];
  readonly failurePolicy: 'Ignore' | 'Fail';
  readonly operations: readonly string[];
}

/**
 * The entries for workloads: their number grows neither with the kinds nor with the namespaces whose
 * policies select alike. A user's write fails for want of an operator only where nothing else can
 * keep the policy's word.
 */
function entriesOf(
  policies: readonly ValidPolicy[],
  adapters: readonly WorkloadAdapter[],
): Entry[] {
  return policies.flatMap((policy) => {
    const kinds = adapters.filter(({ descriptor }) =>
      matchesKind(policy.spec.target.kinds, descriptor.resource),
    );
    const { mode, release, failurePolicy } = policy.spec;
    const isClosed = failurePolicy === 'Fail' && mode === 'Enforce';
    const closed = kinds.filter(
      ({ descriptor }) =>
        isClosed &&
        descriptor.holdsWithoutOperator === 'Webhook' &&
        strategyFor(release, descriptor).strategy === 'Batch',
    );
    const open = kinds.filter((kind) => !closed.includes(kind));
    const entry = { policies: [policy] };
    return [
      { ...entry, kinds: open, failurePolicy: 'Ignore', operations: ['CREATE', 'UPDATE'] } as const,
      { ...entry, kinds: closed, failurePolicy: 'Ignore', operations: ['CREATE'] } as const,
      { ...entry, kinds: closed, failurePolicy: 'Fail', operations: ['UPDATE'] } as const,
    ].filter((each) => each.kinds.length > 0);
  });
}

/** Entries that differ in nothing but the namespace of their policies become one. */
function merged(entries: readonly Entry[], operatorNamespace: string): Entry[] {
  const groups = new Map<string, Entry>();
  for (const entry of entries) {
    const [policy] = entry.policies;
    const { selector, namespaceSelector: ofNamespaces } = policy?.spec.target ?? {};
    const isClusterWide = policy?.namespace === operatorNamespace;
    const kinds = entry.kinds.map(({ descriptor }) => descriptor.resource.plural);
    const { failurePolicy, operations } = entry;
    const scope = isClusterWide ? [ofNamespaces ?? {}] : 'namespaces';
    const key = canonicalJson([scope, selector ?? {}, kinds, failurePolicy, operations]);
    const known = groups.get(key);
    const policies = [...(known?.policies ?? []), ...entry.policies];
    groups.set(key, { ...entry, policies });
  }
  return [...groups.values()];
}

function workloadWebhooks(
  policies: readonly ValidPolicy[],
  { adapters, ...place }: WebhookTarget & Required<Pick<WebhookOptions, 'adapters'>>,
  verb: 'mutate' | 'validate',
): Json[] {
  return merged(entriesOf(policies, adapters), place.operatorNamespace).flatMap((entry) => {
    const [policy] = entry.policies;
    if (policy === undefined) return [];
    return [
      {
        name: nameOf(verb, entry, policy),
        admissionReviewVersions: ['v1'],
        clientConfig: place.clientConfig(
          verb === 'mutate' ? PATHS.mutateWorkload : PATHS.validateWorkload,
        ),
        failurePolicy: entry.failurePolicy,
        matchPolicy: 'Equivalent',
        sideEffects: 'None',
        timeoutSeconds: TIMEOUT_SECONDS,
        rules: entry.kinds.map(({ descriptor }) => rule(descriptor.resource, entry.operations)),
        matchConditions: workloadConditions(place.operatorUser, entry.kinds),
        namespaceSelector: namespaceSelector(entry.policies, policy, place.operatorNamespace),
        objectSelector: policy.spec.target.selector ?? {},
        ...(verb === 'mutate' ? { reinvocationPolicy: 'IfNeeded' } : {}),
      },
    ];
  });
}

/**
 * After its policy, or, where it serves several, after what they have in common: no denial names the
 * policy of another namespace. Names are DNS subdomains of 253 characters at most.
 */
function nameOf(verb: string, entry: Entry, policy: ValidPolicy): string {
  const { failurePolicy, operations, kinds, policies } = entry;
  const part = operations.length > 1 ? [] : [...operations, failurePolicy];
  const some = kinds.length === ADAPTERS.length ? [] : [shortHash(kinds.map(pluralOf).join())];
  const what = [verb, ...part.map((word) => word.toLowerCase()), ...some].join('-');
  const { name, namespace, uid, spec } = policy;
  if (policies.length > 1) {
    return `${what}.shared-${shortHash(canonicalJson(spec.target))}.${GROUP}`;
  }
  const full = `${what}.${name}.${namespace}.${GROUP}`;
  return full.length <= 253 ? full : `${what}.${uid}.${namespace}.${GROUP}`;
}

const pluralOf = ({ descriptor }: WorkloadAdapter): string => descriptor.resource.plural;

function namespaceSelector(
  policies: readonly ValidPolicy[],
  policy: ValidPolicy,
  operatorNamespace: string,
): Json {
  const notIgnored = { key: LABELS.admission, operator: 'NotIn', values: ['ignore'] };
  const byName = 'kubernetes.io/metadata.name';
  if (policy.namespace !== operatorNamespace) {
    const namespaces = unique(policies.map(({ namespace }) => namespace));
    return {
      matchExpressions: [{ key: byName, operator: 'In', values: namespaces }, notIgnored],
    };
  }
  const { matchLabels = {}, matchExpressions = [] } = policy.spec.target.namespaceSelector ?? {};
  const values = [...EXEMPT_NAMESPACES, operatorNamespace].filter(
    (namespace) => !selectsByName(policy.spec.target.namespaceSelector, namespace),
  );
  const exempt = values.length === 0 ? [] : [{ key: byName, operator: 'NotIn', values }];
  return { matchLabels, matchExpressions: [...matchExpressions, ...exempt, notIgnored] };
}

const recordWebhook = (
  place: WebhookTarget,
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

const REPLICA_SETS = { group: 'apps', version: 'v1', plural: 'replicasets' } as const;

/**
 * The clamp by webhook. In flight it fails closed, at rest it does not: what is pushed while no
 * operator is alive rolls out, what is held stays held. Scaling goes on as well, each revision in its
 * share. Both are called only for a write whose number they would change.
 */
const replicaSetWebhook = (
  place: WebhookTarget,
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
  rules: [rule(REPLICA_SETS)],
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
  /** The kinds that the operator follows: a change of any other would be held for good. Default: all. */
  readonly adapters?: readonly WorkloadAdapter[];
}

/** Both lists of webhooks, from the policies as they stand. */
export function webhooksFor(
  policies: readonly ValidPolicy[],
  place: WebhookTarget,
  { nativeClamp, adapters = ADAPTERS }: WebhookOptions,
): { readonly mutating: readonly Json[]; readonly validating: readonly Json[] } {
  const sorted = policies
    .filter(({ namespace }) => exemptionReason(namespace, place.operatorNamespace) === undefined)
    .sort((a, b) => (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1));
  return {
    mutating: [
      ...workloadWebhooks(sorted, { ...place, adapters }, 'mutate'),
      ...(nativeClamp ? [] : [replicaSetWebhook(place, IN_FLIGHT)]),
      replicaSetWebhook(place, AT_REST),
      {
        ...recordWebhook(place, PATHS.mutateRecord, ['changeworkloads'], ['UPDATE']),
        reinvocationPolicy: 'Never',
      },
    ],
    validating: [
      ...workloadWebhooks(sorted, { ...place, adapters }, 'validate'),
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
  canonicalJson(withoutEmpty(a)) === canonicalJson(withoutEmpty(b));

function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (!isJsonObject(value)) return value;
  const kept = Object.entries(value).map(([key, item]) => [key, withoutEmpty(item)] as const);
  return Object.fromEntries(kept.filter(([, item]) => !isEmpty(item)));
}

const isEmpty = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.length === 0
    : isJsonObject(value) && Object.keys(value).length === 0;
