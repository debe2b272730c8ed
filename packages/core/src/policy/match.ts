// SPDX-License-Identifier: Apache-2.0
import { EXEMPT_NAMESPACES, LABELS, type ChangePolicySpec } from '@altershield/api';

type Labels = Readonly<Record<string, string>>;
type Selector = NonNullable<ChangePolicySpec['target']['selector']>;

/** A policy that was parsed and is valid. */
export interface ValidPolicy {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly spec: ChangePolicySpec;
}

export interface Candidate {
  readonly group: string;
  readonly kind: string;
  /** Only a policy that names the kind matches it. */
  readonly isOptIn?: boolean;
  readonly namespace: string;
  readonly labels: Labels;
  readonly namespaceLabels: Labels;
}

/** Why a policy does not match a workload; undefined when it does. */
export type Mismatch = string | undefined;

/** Label selectors as the API server evaluates them. A missing selector matches everything. */
export function selects(selector: Selector | undefined, labels: Labels): boolean {
  if (selector === undefined) return true;
  const byLabel = Object.entries(selector.matchLabels ?? {}).every(([k, v]) => labels[k] === v);
  return byLabel && (selector.matchExpressions ?? []).every((e) => matchesExpression(e, labels));
}

function matchesExpression(
  { key, operator, values = [] }: NonNullable<Selector['matchExpressions']>[number],
  labels: Labels,
): boolean {
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

/** Why a policy does not match a workload, as a sentence. */
export function mismatch(
  { namespace, spec: { target } }: ValidPolicy,
  candidate: Candidate,
  operatorNamespace: string,
): Mismatch {
  if (!matchesKind(target.kinds, candidate)) {
    return target.kinds === undefined
      ? `it does not name ${candidate.kind} in target.kinds`
      : `it does not match kind ${candidate.kind}`;
  }
  const isClusterWide = namespace === operatorNamespace;
  if (!isClusterWide && namespace !== candidate.namespace) {
    return `it matches namespace ${namespace} only`;
  }
  if (isExempt(candidate, target.namespaceSelector, operatorNamespace)) {
    return `namespace ${candidate.namespace} is exempt`;
  }
  if (isClusterWide && !selects(target.namespaceSelector, candidate.namespaceLabels)) {
    return 'its namespaceSelector does not select the namespace';
  }
  return selects(target.selector, candidate.labels) ? undefined : 'its selector does not match';
}

/** A missing list matches every kind that need not be named. */
export const matchesKind = (
  kinds: readonly string[] | undefined,
  { group, kind, isOptIn }: Pick<Candidate, 'group' | 'kind' | 'isOptIn'>,
): boolean =>
  kinds === undefined
    ? isOptIn !== true
    : kinds.includes(kind) || kinds.includes(`${kind}.${group}`);

/**
 * Whether a namespace is exempt: by its label, or because it is a system namespace or the
 * operator's own, and no policy selector names it.
 */
function isExempt(
  { namespace, namespaceLabels }: Candidate,
  selector: Selector | undefined,
  operatorNamespace: string,
): boolean {
  if (namespaceLabels[LABELS.admission] === 'ignore') return true;
  if (![...EXEMPT_NAMESPACES, operatorNamespace].includes(namespace)) return false;
  return !selectsByName(selector, namespace);
}

/** Why a policy cannot match any workload; undefined when it can. */
export function exemptionReason(namespace: string, operatorNamespace: string): Mismatch {
  if (namespace === operatorNamespace || !EXEMPT_NAMESPACES.includes(namespace)) return undefined;
  return `namespace ${namespace} is exempt: only a policy in namespace ${operatorNamespace} whose namespaceSelector names it matches there`;
}

/** True when a selector names the namespace itself. */
export const selectsByName = (selector: Selector | undefined, namespace: string): boolean =>
  selector?.matchLabels?.['kubernetes.io/metadata.name'] === namespace ||
  (selector?.matchExpressions ?? []).some(
    (e) =>
      e.key === 'kubernetes.io/metadata.name' &&
      e.operator === 'In' &&
      (e.values ?? []).includes(namespace),
  );

/**
 * The policy that matches a workload. One in the workload's namespace precedes a cluster-wide one,
 * one with a selector precedes one without, then the alphabetically first name wins.
 */
export function policyFor(
  policies: readonly ValidPolicy[],
  candidate: Candidate,
  operatorNamespace: string,
): ValidPolicy | undefined {
  const rank = (p: ValidPolicy): string =>
    [
      p.namespace === candidate.namespace ? 0 : 1,
      p.spec.target.selector === undefined ? 1 : 0,
      p.name,
    ].join(' ');
  return policies
    .filter((p) => mismatch(p, candidate, operatorNamespace) === undefined)
    .sort((a, b) => (rank(a) < rank(b) ? -1 : 1))[0];
}
