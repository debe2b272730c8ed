// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS, EXEMPT_NAMESPACES, GROUP, LABELS, VERSION } from '@altershield/api';
import { canonicalJson, shortHash } from '../json/canonical.ts';
import { exemptionReason, matchesKind, selectsByName, type ValidPolicy } from '../policy/match.ts';
import { strategyFor, usesSteps } from '../policy/strategy.ts';
import { POD, candidateKind, type APIResource, type WorkloadAdapter } from '../workload/adapter.ts';
import { RECORDED_KINDS } from '../workload/recorded-kinds.ts';
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
  /** The webhook's address: a Service in the cluster, or a URL outside it. */
  readonly clientConfig: (path: string) => Json;
  /** User name of the operator: its own writes are never reviewed. */
  readonly operatorUser: string;
  readonly operatorNamespace: string;
}

export const PATHS = {
  mutateWorkload: '/mutate/workload',
  validateWorkload: '/validate/workload',
  mutateReplicaSet: '/mutate/replicaset',
  reviewEdit: '/review/edit',
  validatePolicy: '/validate/policy',
  mutateApproval: '/mutate/approval',
  validateRecord: '/validate/record',
} as const;

const TIMEOUT_SECONDS = 5;
/**
 * The cluster's controllers have few workers, and each call blocks one: while the operator hangs,
 * they wait this long.
 */
const REPLICA_SET_TIMEOUT_SECONDS = 2;

/**
 * `object.?spec.?template`: a field that a kind does not have is absent on both sides, and so
 * equal.
 */
const optional = (root: string, path: string): string =>
  [root, ...path.split('/').slice(1)].join('.?');

const differs = (path: string): string =>
  `${optional('object', path)} != ${optional('oldObject', path)}`;

const HELD = `oldObject.metadata.?annotations[?'${ANNOTATIONS.hold}'].hasValue()`;

/** Match conditions: the API server does not call the webhook for a write that is not a change. */
function workloadConditions(operatorUser: string, kinds: readonly WorkloadAdapter[]): Json[] {
  const added = kinds.flatMap(({ admission }) => admission.annotations);
  const ours = unique([...added, ANNOTATIONS.actor])
    .map(celText)
    .join(', ');
  const paths = unique(kinds.map(({ descriptor }) => descriptor.revisionPath));
  const borrowed = unique(kinds.flatMap(({ descriptor }) => descriptor.borrowedFields));
  return [
    notTheOperator(operatorUser),
    ...kinds.flatMap(({ descriptor: { leftAlone } }) =>
      leftAlone === undefined ? [] : [{ ...leftAlone, expression: `!(${leftAlone.expression})` }],
    ),
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

/** One webhook entry: policies with the same selection, and kinds that are held the same way. */
interface Entry {
  readonly policies: readonly ValidPolicy[];
  readonly kinds: readonly WorkloadAdapter[];
  readonly failurePolicy: 'Ignore' | 'Fail';
  readonly operations: readonly string[];
}

/**
 * The webhook entries for workloads. Their number grows neither with the kinds nor with the
 * namespaces whose policies select alike. A user's write fails without an operator only where
 * nothing else can enforce the policy.
 */
function entriesOf(
  policies: readonly ValidPolicy[],
  adapters: readonly WorkloadAdapter[],
): Entry[] {
  return policies.flatMap((policy) => {
    const kinds = adapters.filter(({ descriptor }) =>
      matchesKind(policy.spec.target.kinds, candidateKind(descriptor)),
    );
    const { mode, release, failurePolicy } = policy.spec;
    const isClosed = failurePolicy === 'Fail' && mode === 'Enforce';
    const closed = kinds.filter(
      ({ descriptor }) =>
        isClosed &&
        descriptor.holdsWithoutOperator === 'Webhook' &&
        usesSteps(strategyFor(release, descriptor).strategy),
    );
    const open = kinds.filter((kind) => !closed.includes(kind));
    const entry = { policies: [policy] };
    const both = ['CREATE', 'UPDATE'] as const;
    const isHeldNew = ({ descriptor }: WorkloadAdapter): boolean => descriptor.isImmutable === true;
    const changed = closed.filter((kind) => !isHeldNew(kind));
    return [
      { ...entry, kinds: open, failurePolicy: 'Ignore', operations: both } as const,
      { ...entry, kinds: changed, failurePolicy: 'Ignore', operations: ['CREATE'] } as const,
      { ...entry, kinds: changed, failurePolicy: 'Fail', operations: ['UPDATE'] } as const,
      {
        ...entry,
        kinds: closed.filter(isHeldNew),
        failurePolicy: 'Fail',
        operations: both,
      } as const,
    ].filter((each) => each.kinds.length > 0);
  });
}

/** Merges entries that differ only in the namespace of their policies. */
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
 * Names an entry after its policy, or, if it serves several, after what they share: a denial must
 * not name the policy of another namespace. Names are DNS subdomains of at most 253 characters.
 */
function nameOf(verb: string, entry: Entry, policy: ValidPolicy): string {
  const { failurePolicy, operations, kinds, policies } = entry;
  const part = operations.length > 1 ? [] : [...operations, failurePolicy];
  const all = ADAPTERS.filter(({ descriptor }) => descriptor.isOptIn !== true);
  const isAll = kinds.map(pluralOf).join() === all.map(pluralOf).join();
  const some = isAll ? [] : [shortHash(kinds.map(pluralOf).join())];
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
 * The clamp as a webhook. In flight it fails closed, at rest it fails open: without an operator,
 * new changes roll out and held changes stay held. Scaling still works, each revision keeping its
 * share. The webhook is called only for a write whose replicas it would change.
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

const IMAGES_DIFFER = ['containers', 'initContainers']
  .map((list) =>
    ['object', 'oldObject']
      .map((root) => `${root}.spec.?${list}.orValue([]).map(c, c.image)`)
      .join(' != '),
  )
  .join(' || ');

const OWNED = `object.metadata.?ownerReferences.orValue([]).exists(o, o.?controller.orValue(false))`;

/** Which objects without a workload a webhook is called for, beside edits of the others. */
interface Reviewed {
  readonly name: 'edit' | 'bare';
  readonly operations: readonly string[];
  readonly owned: string;
}

const EDITED: Reviewed = { name: 'edit', operations: ['UPDATE'], owned: OWNED };
const BARE: Reviewed = { name: 'bare', operations: ['CREATE', 'UPDATE'], owned: `!${OWNED}` };

/** The API server calls the webhook only for an edit in place, or for a new object without owner. */
const editConditions = (operatorUser: string, { owned }: Reviewed): Json[] => [
  notTheOperator(operatorUser),
  { name: 'owned', expression: owned },
  {
    name: 'an-edit',
    expression: `request.operation == 'CREATE' || request.?subResource.orValue('') != '' || object.spec.?template.orValue({}) != oldObject.spec.?template.orValue({}) || ${IMAGES_DIFFER}`,
  },
];

/**
 * Webhooks that tell who edits a pod or a ReplicaSet in place: one for all policies of namespaces,
 * and one for each selection of namespaces by a cluster-wide policy. They deny nothing, and the
 * edit is found in the watch without them.
 */
function editWebhooks(
  policies: readonly ValidPolicy[],
  place: WebhookTarget,
  reviewed: Reviewed,
): Json[] {
  const isLocal = (policy: ValidPolicy): boolean => policy.namespace !== place.operatorNamespace;
  const local = policies.filter(isLocal);
  const wide = policies.filter((policy) => !isLocal(policy)).map((policy) => [policy]);
  const selectors = [...(local.length === 0 ? [] : [local]), ...wide].flatMap((group) =>
    group.slice(0, 1).map((policy) => namespaceSelector(group, policy, place.operatorNamespace)),
  );
  const bySelector = new Map(selectors.map((selector) => [canonicalJson(selector), selector]));
  return [...bySelector].map(([text, selector]) => ({
    name: `${reviewed.name}-${shortHash(text)}.pod.${GROUP}`,
    admissionReviewVersions: ['v1'],
    clientConfig: place.clientConfig(PATHS.reviewEdit),
    failurePolicy: 'Ignore',
    matchPolicy: 'Equivalent',
    sideEffects: 'None',
    timeoutSeconds: REPLICA_SET_TIMEOUT_SECONDS,
    rules: [
      {
        ...rule(POD, reviewed.operations),
        resources: ['pods', 'pods/resize', 'pods/ephemeralcontainers'],
      },
      rule(REPLICA_SETS, reviewed.operations),
    ],
    matchConditions: editConditions(place.operatorUser, reviewed),
    namespaceSelector: selector,
  }));
}

const namesRecordedKind = ({ spec: { target } }: ValidPolicy): boolean =>
  RECORDED_KINDS.some((kind) => matchesKind(target.kinds, candidateKind(kind)));

const IN_FLIGHT = { name: 'in-flight', failurePolicy: 'Fail', calls: CLAMPS_IN_FLIGHT } as const;
const AT_REST = { name: 'at-rest', failurePolicy: 'Ignore', calls: CLAMPS_AT_REST } as const;

export interface WebhookOptions {
  /** True when the API server itself clamps changes in flight; otherwise a webhook does. */
  readonly nativeClamp: boolean;
  /**
   * The kinds that the operator follows: a change of any other would be held with nothing to
   * release it. Default: all.
   */
  readonly adapters?: readonly WorkloadAdapter[];
}

/** The mutating and validating webhooks for the current policies. */
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
        ...recordWebhook(place, PATHS.mutateApproval, ['changeapprovals'], ['CREATE']),
        reinvocationPolicy: 'Never',
      },
    ],
    validating: [
      ...workloadWebhooks(sorted, { ...place, adapters }, 'validate'),
      ...editWebhooks(sorted, place, EDITED),
      ...editWebhooks(sorted.filter(namesRecordedKind), place, BARE),
      recordWebhook(place, PATHS.validatePolicy, ['changepolicies'], ['CREATE', 'UPDATE']),
      recordWebhook(
        place,
        PATHS.validateRecord,
        ['changeworkloads', 'changeworkloads/status', 'changepods', 'changepods/status'],
        ['CREATE', 'UPDATE'],
      ),
      {
        ...recordWebhook(place, PATHS.validateRecord, ['changeapprovals/status'], ['UPDATE']),
        name: `validate.approval.${GROUP}`,
      },
    ],
  };
}

/** Whether two lists of webhooks are equal: the API server omits empty values. */
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
