// SPDX-License-Identifier: Apache-2.0
import {
  exemptionReason,
  policyFor,
  mismatch,
  parsePolicy,
  POLICY_KINDS,
  type Candidate,
  type APIResource,
  type FieldError,
  type ValidPolicy,
  type ParsedPolicy,
  withUsedChecks,
} from '@altershield/core';
import { changeCheckSpec, type ChangeCheckSpec, type ChangePolicySpec } from '@altershield/api';
import type { KubeObject, ObjectMeta } from '@altershield/kube';
import type { PolicyObject } from '../objects.ts';
import { hasRules, type Rules } from '../rules/rule-engine.ts';
import type { Caches } from './caches.ts';

type GroupKind = Pick<APIResource, 'group' | 'kind'>;

interface Entry {
  readonly resourceVersion: string;
  readonly parsed: ParsedPolicy;
  /** False: its rules were not checked, because the engine was not loaded. */
  readonly isChecked: boolean;
}

/** The policies from the cache: the valid ones, and the errors of the invalid ones. */
export class PolicyCache {
  readonly #caches: PolicyCaches;
  readonly #operatorNamespace: string;
  readonly #rules: Pick<Rules, 'engine'>;
  readonly #parsed = new Map<string, Entry>();

  constructor(
    caches: PolicyCaches,
    operatorNamespace: string,
    rules: Pick<Rules, 'engine'> = { engine: undefined },
  ) {
    this.#rules = rules;
    this.#caches = caches;
    this.#operatorNamespace = operatorNamespace;
    caches.policies.onEvent(({ type, object }) => {
      if (type === 'Deleted') this.#parsed.delete(object.metadata.uid);
    });
    // Any policy may use the check.
    caches.checks.onEvent(() => {
      this.#parsed.clear();
    });
  }

  valid(): ValidPolicy[] {
    return this.#caches.policies.list().flatMap((policy) => {
      const parsed = this.#read(policy);
      if (!parsed.ok) return [];
      const { namespace = '', name, uid, generation = 1 } = policy.metadata;
      return [{ namespace, name, uid, generation, spec: parsed.spec }];
    });
  }

  errorsFor(policy: PolicyObject): readonly FieldError[] {
    const parsed = this.#read(policy);
    return parsed.ok ? [] : parsed.errors;
  }

  /** The policy that matches a workload of this kind with this metadata. */
  policyFor(
    kind: GroupKind,
    metadata: Pick<ObjectMeta, 'labels'>,
    namespace: string,
  ): ValidPolicy | undefined {
    const candidate = this.#candidate(kind, metadata, namespace);
    return policyFor(this.valid(), candidate, this.#operatorNamespace);
  }

  /** Why a policy does not match such a workload; undefined if it does. */
  mismatchReason(
    policy: ValidPolicy,
    kind: GroupKind,
    metadata: Pick<ObjectMeta, 'labels'>,
    { namespace, valid }: { readonly namespace: string; readonly valid: readonly ValidPolicy[] },
  ): string | undefined {
    const candidate = this.#candidate(kind, metadata, namespace);
    const why = mismatch(policy, candidate, this.#operatorNamespace);
    if (why !== undefined) return why;
    const first = policyFor(valid, candidate, this.#operatorNamespace);
    if (first === undefined || first.uid === policy.uid) return undefined;
    return `policy ${first.namespace}/${first.name} comes first`;
  }

  /** Why the policy can never match a workload; undefined if it can. */
  exemptionReason({ namespace }: ValidPolicy): string | undefined {
    return exemptionReason(namespace, this.#operatorNamespace);
  }

  /** The namespace in which a policy of this namespace may match; undefined: all namespaces. */
  scopeOf(namespace: string): string | undefined {
    return namespace === this.#operatorNamespace ? undefined : namespace;
  }

  #candidate(
    kind: GroupKind,
    { labels = {} }: Pick<ObjectMeta, 'labels'>,
    namespace: string,
  ): Candidate {
    return { ...kindOf(kind), namespace, labels, namespaceLabels: this.#labelsOf(namespace) };
  }

  #labelsOf(namespace: string): Readonly<Record<string, string>> {
    const known: KubeObject | undefined = this.#caches.namespaces.get({
      namespace: '',
      name: namespace,
    });
    return { 'kubernetes.io/metadata.name': namespace, ...known?.metadata.labels };
  }

  /** The checks of the policy's own namespace come before those of the operator's. */
  #withUsedChecks(spec: ChangePolicySpec, own: string): ParsedPolicy {
    const find = (name: string): ChangeCheckSpec | undefined =>
      [own, this.#operatorNamespace]
        .map((namespace) => this.#caches.checks.get({ namespace, name }))
        .map((found) => changeCheckSpec.safeParse(found?.spec).data)
        .find((found) => found !== undefined);
    return { ok: true, spec: { ...spec, checks: withUsedChecks(spec.checks, find) } };
  }

  #read({ metadata, spec }: PolicyObject): ParsedPolicy {
    const { uid, resourceVersion, namespace = '' } = metadata;
    const known = this.#parsed.get(uid);
    const { engine } = this.#rules;
    const isChecked = engine !== undefined || !hasRules(spec);
    if (known?.resourceVersion === resourceVersion && known.isChecked === isChecked) {
      return known.parsed;
    }
    const operatorNamespace = this.#operatorNamespace;
    const place = { namespace, operatorNamespace, kinds: POLICY_KINDS, rules: engine };
    const own = parsePolicy(spec, place);
    const parsed = own.ok ? this.#withUsedChecks(own.spec, namespace) : own;
    this.#parsed.set(uid, { resourceVersion, parsed, isChecked });
    return parsed;
  }
}

type PolicyCaches = Pick<Caches, 'policies' | 'namespaces' | 'checks'>;

const kindOf = ({ group, kind }: GroupKind): Pick<Candidate, 'group' | 'kind' | 'isOptIn'> => ({
  ...{ group, kind },
  isOptIn: POLICY_KINDS.some(
    ({ resource, isOptIn }) =>
      resource.kind === kind && resource.group === group && isOptIn === true,
  ),
});
