// SPDX-License-Identifier: Apache-2.0
import type { ChangeCheckSpec, ChangePolicySpec } from '@altershield/api';
import { isJsonObject } from '../json/json.ts';
import type { Check, CheckInput } from './check.ts';
import { resultOf } from './finding.ts';

type Settings = ChangePolicySpec['checks'];
type Use = NonNullable<Settings['use']>[number];

const MAX_NAME = 63;

/**
 * The checks of a policy with those of the ChangeChecks that it uses. A use that cannot be resolved
 * stays in `use`: its check is then inconclusive, and the rest of the policy still applies.
 */
export function withUsedChecks(
  settings: Settings,
  find: (name: string) => ChangeCheckSpec | undefined,
): Settings {
  const { use = [], ...own } = settings;
  if (use.length === 0) return settings;
  const resolved = use.map((each) => ({ each, spec: find(each.check) }));
  const usable = resolved.flatMap(({ each, spec }) =>
    spec === undefined || missingArguments(each, spec).length > 0 ? [] : [{ each, spec }],
  );
  const left = use.filter((each) => !usable.some((found) => found.each === each));
  const used = usable.map(({ each, spec }) => checksOf(each, spec));
  const all = [own, ...used];
  const metrics = all.flatMap((each) => each.metrics ?? []);
  const rules = all.flatMap((each) => each.rules ?? []);
  const webhooks = all.flatMap((each) => each.webhooks ?? []);
  return {
    ...own,
    ...(left.length === 0 ? {} : { use: left }),
    ...(metrics.length === 0 ? {} : { metrics }),
    ...(rules.length === 0 ? {} : { rules }),
    ...(webhooks.length === 0 ? {} : { webhooks }),
  };
}

function missingArguments({ arguments: given = {} }: Use, spec: ChangeCheckSpec): string[] {
  return (spec.arguments ?? [])
    .filter(({ name, default: value }) => value === undefined && given[name] === undefined)
    .map(({ name }) => name);
}

function checksOf(
  use: Use,
  spec: ChangeCheckSpec,
): Pick<Settings, 'metrics' | 'rules' | 'webhooks'> {
  const defaults = (spec.arguments ?? []).flatMap(({ name, default: value }) =>
    value === undefined ? [] : [[name, value] as const],
  );
  const values = { ...Object.fromEntries(defaults), ...use.arguments };
  const { metrics = [], rules = [], webhooks = [] } = spec;
  const prefix = use.name ?? use.check;
  const isOnly = metrics.length + rules.length + webhooks.length === 1;
  const named = <C extends { readonly name: string }>(check: C): C => ({
    ...withArguments(check, values),
    name: (isOnly ? prefix : `${prefix}-${check.name}`).slice(0, MAX_NAME),
  });
  return {
    metrics: metrics.map(named),
    rules: rules.map(named),
    webhooks: webhooks.map(named),
  };
}

/** Replaces `$(args.NAME)` in every text of a value. An unknown name stays as it is. */
function withArguments<T>(value: T, values: Readonly<Record<string, string>>): T;
function withArguments(value: unknown, values: Readonly<Record<string, string>>): unknown {
  if (typeof value === 'string') {
    return value.replaceAll(/\$\(args\.(\w+)\)/g, (text, name: string) => values[name] ?? text);
  }
  if (Array.isArray(value)) return value.map((item: unknown) => withArguments(item, values));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, withArguments(item, values)]),
  );
}

/** Uses that could not be resolved: never a pass. */
export const unusableChecks = ({ settings: { use = [] } }: CheckInput): Check[] =>
  use.map((each) => {
    const name = (each.name ?? each.check).slice(0, MAX_NAME);
    const message = `there is no ChangeCheck ${each.check} in the namespace of the policy or of the operator, or the policy lacks one of its arguments`;
    const reason = 'CheckUnusable';
    const result = resultOf(name, { verdict: 'Inconclusive', reason, message });
    return { name, isRequired: true, evaluate: () => ({ unhealthy: 0, result }) };
  });
