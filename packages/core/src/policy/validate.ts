// SPDX-License-Identifier: Apache-2.0
import { changePolicySpec, type ChangePolicySpec } from '@altershield/api';
import { asJsonObject } from '../json/json.ts';
import { matchesKind } from './match.ts';
import { fieldPath, invalid, type FieldError } from './field.ts';
import type { RuleEngine } from './rule-engine.ts';
import { checkRelease } from './validate-release.ts';
import { checkRules } from './validate-rules.ts';

export type ParsedPolicy =
  | { readonly ok: true; readonly spec: ChangePolicySpec }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

export interface PolicyScope {
  readonly namespace: string;
  /** The namespace of cluster-wide policies. */
  readonly operatorNamespace: string;
  /** The kinds that AlterShield follows, and their supported strategies. */
  readonly kinds: readonly PolicyKind[];
  /** Absent: the expressions of rules are not checked. */
  readonly rules?: RuleEngine | undefined;
}

/**
 * The part of a kind that policy validation needs. A strategy is supported, or the text says why
 * not.
 */
export interface PolicyKind {
  readonly resource: { readonly group: string; readonly kind: string };
  readonly strategies: Readonly<Record<string, true | string>>;
  /** Why its changes cannot be rolled back; absent: they can. */
  readonly noRollback?: string;
  readonly byTopology: true | string;
  readonly splitsRequests?: true;
}

/** Parses the spec of a policy. Reports every error at once and never throws. */
export function parsePolicy(spec: unknown, place: PolicyScope): ParsedPolicy {
  const parsed = changePolicySpec.safeParse(spec ?? {});
  if (!parsed.success) {
    return { ok: false, errors: parsed.error.issues.flatMap((issue) => problemsOf(issue, spec)) };
  }
  const errors = [
    ...checkRelease(parsed.data.release),
    ...checkPlace(parsed.data, place),
    ...checkKinds(parsed.data, place),
    ...checkRules(parsed.data.checks, place.rules),
    ...checkNames(parsed.data),
  ];
  return errors.length > 0 ? { ok: false, errors } : { ok: true, spec: parsed.data };
}

type Issue = NonNullable<ReturnType<typeof changePolicySpec.safeParse>['error']>['issues'][number];

/** The schema's errors, each at the field or key that the user must correct. */
function problemsOf(issue: Issue, spec: unknown): FieldError[] {
  const { code, path, message } = issue;
  const at = (...rest: string[]): string => fieldPath(['spec', ...path, ...rest]);
  if (code === 'unrecognized_keys') {
    const why = 'there is no such field: check its spelling, or remove it';
    return issue.keys.map((key) => invalid(at(key), valueAt(spec, [...path, key]), why));
  }
  if (code === 'invalid_key') {
    return [invalid(at(), path.at(-1), `the key ${issue.issues[0]?.message ?? message}`)];
  }
  return [invalid(at(), valueAt(spec, path), message)];
}

const valueAt = (root: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((value, part) => {
    if (Array.isArray(value)) return value[Number(part)] as unknown;
    return asJsonObject(value)[String(part)];
  }, root);

function checkPlace({ target }: ChangePolicySpec, place: PolicyScope): FieldError[] {
  if (target.namespaceSelector === undefined) return [];
  if (place.namespace === place.operatorNamespace) return [];
  const message = `only policies in namespace ${place.operatorNamespace} reach other namespaces; remove it, or move the policy there`;
  return [invalid('spec.target.namespaceSelector', target.namespaceSelector, message)];
}

/** A record keeps the outcome of each check by its name. */
function checkNames({
  checks: { rules = [], metrics = [], webhooks = [], use = [] },
}: ChangePolicySpec) {
  const names = [
    ...rules.map(({ name }, i) => [`rules[${i}].name`, name] as const),
    ...metrics.map(({ name }, i) => [`metrics[${i}].name`, name] as const),
    ...webhooks.map(({ name }, i) => [`webhooks[${i}].name`, name] as const),
    ...use.map(({ check, name }, i) =>
      name === undefined
        ? ([`use[${i}].check`, check] as const)
        : ([`use[${i}].name`, name] as const),
    ),
  ];
  return names.flatMap(([path, name], i) =>
    names.slice(0, i).some(([, earlier]) => earlier === name)
      ? [invalid(`spec.checks.${path}`, name, 'another check of the policy has this name')]
      : [],
  );
}

/**
 * A kind with a group may be added later, for example by a CRD; a kind without one must be a
 * followed kind.
 */
function checkKinds(
  { target, release, onFail }: ChangePolicySpec,
  { kinds }: PolicyScope,
): FieldError[] {
  const known = kinds.map(({ resource }) => resource.kind).join(', ');
  return (target.kinds ?? []).flatMap((name, i) => {
    const kind = kinds.find(({ resource }) => matchesKind([name], resource));
    if (kind === undefined) {
      const why = `AlterShield follows ${known}; write a kind of another group as Kind.group`;
      return name.includes('.') ? [] : [invalid(`spec.target.kinds[${i}]`, name, why)];
    }
    return [
      ...unsupported('strategy', release.strategy, kind.strategies[release.strategy ?? ''], kind),
      ...unsupported('topologyKey', release.topologyKey, kind.byTopology, kind),
      ...checkWeights(release, kind),
      ...checkRollback(onFail, kind),
    ];
  });
}

function unsupported(
  field: string,
  value: string | undefined,
  supported: true | string | undefined,
  { resource }: PolicyKind,
): FieldError[] {
  if (value === undefined || supported === true || supported === undefined) return [];
  return [invalid(`spec.release.${field}`, value, `${resource.kind}: ${supported}`)];
}

function checkRollback(
  onFail: ChangePolicySpec['onFail'],
  { noRollback, resource: { kind } }: PolicyKind,
): FieldError[] {
  if (onFail !== 'RollBack' || noRollback === undefined) return [];
  const hint = 'leave onFail out, or write a policy of its own for the kind';
  return [invalid('spec.onFail', onFail, `${kind}: ${noRollback}; ${hint}`)];
}

function checkWeights(
  { steps = [] }: ChangePolicySpec['release'],
  { splitsRequests, resource: { kind } }: PolicyKind,
): FieldError[] {
  return steps.flatMap(({ weight }, i) =>
    weight === undefined || splitsRequests === true
      ? []
      : [
          invalid(
            `spec.release.steps[${i}].weight`,
            weight,
            `${kind}: HTTPRoutes split the requests of Deployments only; remove it, or the kind`,
          ),
        ],
  );
}
