// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import type { ObjectMeta } from '../../json/objects.ts';
import { toJsonPointer, type PatchOp } from '../../json/patch.ts';
import type { APIResource, PatchWrite } from '../adapter.ts';
import { lastOperatorWriteAt } from '../writes.ts';

export const HTTP_ROUTE: APIResource = {
  group: 'gateway.networking.k8s.io',
  version: 'v1',
  kind: 'HTTPRoute',
  plural: 'httproutes',
  namespaced: true,
};

interface BackendRef {
  readonly group?: string;
  readonly kind?: string;
  readonly name: string;
  readonly namespace?: string;
  readonly weight?: number;
}

/** The fields of an HTTPRoute that decisions read. */
export interface HttpRoute {
  readonly metadata: ObjectMeta;
  readonly spec?: { readonly rules?: readonly { readonly backendRefs?: readonly BackendRef[] }[] };
}

/** A rule that sends requests to a stable and a canary Service, and to nothing else. */
interface SplitRule {
  readonly index: number;
  readonly backendRefs: readonly BackendRef[];
  /** Indexes of the two in `backendRefs`. */
  readonly stable: number;
  readonly canary: number;
  /** The weight of the stable Service as its user wrote it; that of the canary Service is 0. */
  readonly whole: number;
  /** Percentage of the requests that the canary Service gets now. */
  readonly weight: number;
}

/** An HTTPRoute that splits the requests of a workload between two Services. */
export interface Split {
  readonly name: string;
  readonly uid: string;
  readonly stables: readonly string[];
  readonly canary: string;
  readonly rules: readonly SplitRule[];
  /** Hash of the revision for which AlterShield wrote the weights; absent: they are the user's. */
  readonly revision?: string;
  readonly hasAnnotations: boolean;
  /** When AlterShield wrote it last; milliseconds since the epoch, 0: never. */
  readonly lastOperatorWriteAt: number;
}

/** The annotation: hash of the updated revision, and the canary Service. */
interface Mark {
  readonly revision: string;
  readonly canary: string;
}

const parseMark = (text: string): Mark => {
  const [revision = '', canary = ''] = text.split('/');
  return { revision, canary };
};

/** The HTTPRoutes that split requests between Services of these names. */
export const splitsOf = (
  routes: readonly HttpRoute[],
  services: ReadonlySet<string>,
): readonly Split[] =>
  routes.flatMap((route) => {
    const split = splitOf(route, (name) => services.has(name));
    return split === undefined ? [] : [split];
  });

type IsOfWorkload = (service: string) => boolean;

function splitOf(route: HttpRoute, isOfWorkload: IsOfWorkload): Split | undefined {
  const { name, uid, annotations, managedFields = [] } = route.metadata;
  const text = annotations?.[ANNOTATIONS.traffic];
  const mark = text === undefined ? undefined : parseMark(text);
  const found = rulesOf(route, mark, isOfWorkload);
  const canary = mark?.canary ?? canaryOf(found[0]);
  if (canary === undefined || (found.length === 0 && !isOfWorkload(canary))) return undefined;
  const rules = found.filter((rule) => canaryOf(rule) === canary);
  return {
    ...{ name, uid, canary, rules, hasAnnotations: annotations !== undefined },
    stables: [...new Set(rules.flatMap((rule) => rule.backendRefs[rule.stable]?.name ?? []))],
    lastOperatorWriteAt: lastOperatorWriteAt(managedFields),
    ...(mark === undefined ? {} : { revision: mark.revision }),
  };
}

/** Of a marked route, one of the two Services may be gone. */
const rulesOf = (
  { metadata: { namespace }, spec }: HttpRoute,
  mark: Mark | undefined,
  isOfWorkload: IsOfWorkload,
): SplitRule[] =>
  (spec?.rules ?? []).flatMap(({ backendRefs = [] }, index) => {
    const isPair =
      backendRefs.length === 2 && backendRefs.every((ref) => isService(ref, namespace));
    const known = backendRefs.filter((ref) => isOfWorkload(ref.name));
    if (!isPair || known.length < (mark === undefined ? 2 : 1)) return [];
    return ruleOf(index, backendRefs, mark) ?? [];
  });

const canaryOf = (rule: SplitRule | undefined): string | undefined =>
  rule?.backendRefs[rule.canary]?.name;

const isService = ({ group = '', kind = 'Service', namespace }: BackendRef, own = ''): boolean =>
  group === '' && kind === 'Service' && (namespace === undefined || namespace === own);

/** The default of the Gateway API. */
const weightOf = ({ weight = 1 }: BackendRef): number => weight;

/**
 * At rest, the canary Service is the one with weight 0. Weights of AlterShield add up to a hundred
 * times the user's weight, so nothing has to be remembered. Other weights are an edit of the user.
 */
function ruleOf(
  index: number,
  backendRefs: readonly BackendRef[],
  mark: Mark | undefined,
): SplitRule | undefined {
  const isCanary = (ref: BackendRef): boolean =>
    mark === undefined ? weightOf(ref) === 0 : ref.name === mark.canary;
  const canary = backendRefs.findIndex(isCanary);
  const stable = backendRefs.findIndex((ref) => !isCanary(ref));
  const [to, from] = [backendRefs[canary], backendRefs[stable]];
  if (to === undefined || from === undefined || to.name === from.name) return undefined;
  const share = shareOf(weightOf(from), weightOf(to));
  return share === undefined ? undefined : { index, backendRefs, stable, canary, ...share };
}

function shareOf(stable: number, canary: number): Pick<SplitRule, 'whole' | 'weight'> | undefined {
  if (canary === 0) return stable === 0 ? undefined : { whole: stable, weight: 0 };
  const whole = (stable + canary) / 100;
  const isOurs = Number.isInteger(whole) && canary % whole === 0;
  return isOurs ? { whole, weight: canary / whole } : undefined;
}

/** Whether AlterShield wrote the weights. */
export const isSplit = ({ revision }: Split): boolean => revision !== undefined;

const isAt = ({ rules, revision }: Split, weight: number, wanted: string): boolean =>
  rules.every((rule) => rule.weight === weight) && (weight === 0 || revision === wanted);

/**
 * Since when the canary Services get this percentage of the requests for a revision; milliseconds
 * since the epoch, undefined: they do not.
 */
export function splitSince(
  splits: readonly Split[],
  weight: number,
  revision: string | undefined,
): number | undefined {
  if (!splits.every((split) => isAt(split, weight, revision ?? ''))) return undefined;
  return weight === 0 ? 0 : Math.max(0, ...splits.map(({ lastOperatorWriteAt: at }) => at));
}

/** Sends this percentage of the requests to the canary Services, each HTTPRoute in one write. */
export const splitTo = (
  splits: readonly Split[],
  weight: number,
  revision: string,
): PatchWrite[] =>
  weight === 0
    ? unsplit(splits)
    : splits.flatMap((split) => {
        if (split.rules.length === 0 || isAt(split, weight, revision)) return [];
        const mark = `${revision}/${split.canary}`;
        return [patch(split, weight, addMark(split, mark))];
      });

const MARK = toJsonPointer('metadata', 'annotations', ANNOTATIONS.traffic);

const addMark = ({ hasAnnotations }: Split, value: string): PatchOp =>
  hasAnnotations
    ? { op: 'add', path: MARK, value }
    : { op: 'add', path: '/metadata/annotations', value: { [ANNOTATIONS.traffic]: value } };

/** Restores the weights of the users. */
export const unsplit = (splits: readonly Split[]): PatchWrite[] =>
  splits.filter(isSplit).map((split) => patch(split, 0, { op: 'remove', path: MARK }));

/** Restores weights that were written for another revision, whose pods are about to go. */
export const unsplitOthers = (
  splits: readonly Split[],
  revision: string | undefined,
): PatchWrite[] => unsplit(splits.filter((split) => split.revision !== revision));

/** The rules must be those that were read: a user may have edited them meanwhile. */
const patch = ({ name, uid, rules }: Split, weight: number, mark: PatchOp): PatchWrite => ({
  resource: HTTP_ROUTE.kind,
  name,
  ops: [
    { op: 'test', path: '/metadata/uid', value: uid },
    ...rules.flatMap((rule) => (rule.weight === weight ? [] : weightOps(rule, weight))),
    mark,
  ],
});

function weightOps(
  { index, backendRefs, stable, canary, whole }: SplitRule,
  weight: number,
): PatchOp[] {
  const at = (...rest: string[]): string =>
    toJsonPointer('spec', 'rules', String(index), 'backendRefs', ...rest);
  const [from, to] = weight === 0 ? [whole, 0] : [whole * (100 - weight), whole * weight];
  return [
    { op: 'test', path: at(), value: backendRefs },
    { op: 'add', path: at(String(stable), 'weight'), value: from },
    { op: 'add', path: at(String(canary), 'weight'), value: to },
  ];
}

/** The patch that restores the weights of an HTTPRoute; undefined: AlterShield did not write it. */
export function restoreHttpRoute(route: HttpRoute): readonly PatchOp[] | undefined {
  const split = splitOf(route, () => true);
  return split === undefined ? undefined : unsplit([split])[0]?.ops;
}

/** The largest weight of a backend in the Gateway API is a million. */
const MAX_WHOLE = 10_000;

/** Why the requests of a workload cannot be split; absent: they can. */
export function splitProblem(splits: readonly Split[]): string | undefined {
  const hint = 'or remove weight from release.steps of the policy';
  const rules = splits.flatMap((split) => split.rules.map((rule) => ({ split, rule })));
  if (rules.length === 0)
    return `no HTTPRoute sends its requests to two Services that select its pods, one of them with weight 0; create them, ${hint}`;
  const large = rules.find(({ rule }) => rule.whole > MAX_WHOLE);
  if (large !== undefined)
    return `HTTPRoute ${large.split.name} has a weight of ${large.rule.whole}, and ${MAX_WHOLE} is the most that can be divided; lower it, ${hint}`;
  const canaries = new Set(splits.map(({ canary }) => canary));
  const both = splits.flatMap(({ stables }) => stables).find((name) => canaries.has(name));
  return both === undefined
    ? undefined
    : `Service ${both} is the canary of one HTTPRoute and stable in another; use one Service for each, ${hint}`;
}
