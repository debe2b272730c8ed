// SPDX-License-Identifier: Apache-2.0
/** What AlterShield's monitorCheck knows about its metrics, by the name of the field. */

export interface FieldRule {
  /** Values on the harmless side of this are noise. */
  readonly threshold: number;
  /** Below this relative shift of the medians nothing is reported. */
  readonly minShift: number;
  readonly harmless: 'Below' | 'Above';
}

const below = (threshold: number): FieldRule => ({
  ...{ threshold, minShift: 0.1, harmless: 'Below' },
});

const RULES: ReadonlyMap<string, FieldRule> = new Map([
  ['fail', below(2)],
  ['successPercent', { threshold: 95, minShift: 0.07, harmless: 'Above' }],
  ['count', below(2)],
  ['cost', below(60)],
  ['total', { threshold: 10, minShift: 0.1, harmless: 'Above' }],
  ['load_load1', below(15)],
  ['load_load15', below(15)],
  ['rcpu_util', below(20)],
  ['cpu_util', below(20)],
  ['success', below(10)],
  ['fgc_count', below(5)],
  ['ygc_count', below(5)],
  ['ygc_time', below(2)],
  ['fgc_time', below(2)],
  ['tcp_retran', below(3)],
  ['pcsw_cswch', below(10)],
  ['pcsw_curtsk', below(10)],
  ['limitFlow', below(100)],
  ['cnt', below(3)],
  ['uidCnt', below(3)],
  ['cntPercent', below(0.05)],
  ['uidCntPercent', below(0.05)],
]);

/** A threshold of the request counts only for a field that monitorCheck knows. */
export function ruleFor(
  field: string,
  thresholds: Readonly<Record<string, number>> = {},
): FieldRule {
  const rule = RULES.get(field);
  if (rule === undefined) return below(10);
  return { ...rule, threshold: thresholds[field] ?? rule.threshold };
}

/** Of these fields only a rise is an outlier. */
export const risesOnly = (field: string): boolean =>
  field === 'cntPercent' || field === 'uidCntPercent';

const FAMILIES: readonly (readonly [name: string, ...types: string[]])[] = [
  ['error错误', 'errorApp', 'errorServer', 'errorPod'],
  ['cethread', 'ceThreadApp', 'cethreadServer'],
  ['rpc-service', 'serviceApp', 'serviceServer'],
  ['rpc-sal', 'salApp', 'salServer'],
  ['pv', 'pvApp'],
  ['缓存Cal', 'calApp', 'calServer'],
  ['数据库Dal', 'dalApp', 'dalServer'],
  ['消息1', 'msgsubApp', 'msgsubServer', 'msghubPod'],
  ['消息2', 'msgpubApp', 'msgpubServer', 'msgpubPod'],
  ['系统监控', 'systemServer', 'systemPod'],
  ['堆内监控', 'jvmgcServer', 'jvmgcPod'],
];

/** The name under which messages show a type of metric. */
export const familyOf = (type: string): string =>
  FAMILIES.find(([, ...types]) => types.includes(type))?.[0] ?? type;
