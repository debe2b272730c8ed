// SPDX-License-Identifier: Apache-2.0
import { compile, createEnvironment, type Declarations, type VariableType } from '@altershield/cel';
import { Duration, TypeValue, Unsigned } from '../../../packages/cel/src/engine.ts';
import { formatTimestamp, toDuration } from '../../../packages/cel/src/library/time.ts';
import { durationNanos, entriesOf, isMap } from '../../../packages/cel/src/values.ts';
import { SPEC, type SpecTest, type SpecType, type SpecValue, type Suite } from './spec-data.ts';

/** About protobuf messages or libraries that Kubernetes does not have. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'block_ext',
  'dynamic',
  'encoders_ext',
  'enums',
  'math_ext',
  'proto2',
  'proto2_ext',
  'proto3',
  'unknowns',
  'wrappers',
]);

export interface Section {
  readonly passed: number;
  readonly leftOut: number;
  readonly failed: readonly string[];
}

class LeftOut extends Error {}

/** Runs the conformance tests of cel-spec, by section. */
export function runConformance(): Readonly<Record<string, Section>> {
  const sections = (SPEC.suites ?? []).filter(({ name }) => !LEFT_OUT.has(name));
  return Object.fromEntries(sections.map((suite) => [suite.name, runSection(suite)]));
}

function runSection(suite: Suite): Section {
  const results = casesIn(suite, '').map(({ path, test }) => ({ path, result: runOne(test) }));
  const count = (wanted: string): number =>
    results.filter(({ result }) => result === wanted).length;
  const failed = results.filter(({ result }) => result === 'failed').map(({ path }) => path);
  return { passed: count('passed'), leftOut: count('left out'), failed };
}

interface Case {
  readonly path: string;
  readonly test: SpecTest;
}

function casesIn(suite: Suite, prefix: string): readonly Case[] {
  const own = (suite.tests ?? []).map(({ original }, index) => ({
    path: `${prefix}${original.name ?? String(index)}`,
    test: original,
  }));
  return [...own, ...(suite.suites ?? []).flatMap((inner) => casesIn(inner, `${inner.name}/`))];
}

function runOne(test: SpecTest): 'passed' | 'failed' | 'left out' {
  try {
    // Rules are always checked; messages of protobuf do not occur in Kubernetes.
    if (
      test.disableCheck === true ||
      /[A-Za-z_]\s*\{\s*[a-z_0-9]*\s*[:}]|TestAllTypes/.test(withoutStrings(test.expr))
    ) {
      return 'left out';
    }
    return resultOf(test) === expected(test) ? 'passed' : 'failed';
  } catch (error) {
    if (error instanceof LeftOut) return 'left out';
    throw error;
  }
}

const withoutStrings = (expression: string): string =>
  expression.replace(/'[^']*'|"[^"]*"|`[^`]*`/g, "''");

function expected(test: SpecTest): string {
  if (test.evalError !== undefined) return 'error';
  if (test.unknown !== undefined || test.anyUnknowns !== undefined) throw new LeftOut();
  const value = test.value ?? test.typedResult?.result;
  return value === undefined ? 'true' : show(valueOf(value));
}

function resultOf(test: SpecTest): string {
  const declarations: Record<string, { type: VariableType }> = {};
  for (const { name, ident } of test.typeEnv ?? []) {
    if (ident === undefined || name.includes('.')) throw new LeftOut();
    declarations[name] = { type: typeOf(ident.type) };
  }
  const bindings = Object.entries(test.bindings ?? {}).map(
    ([name, { value }]) => [name, valueOf(value)] as const,
  );
  const compiled = compile(test.expr, environmentFor(declarations), { result: 'dyn' });
  if (!compiled.ok) {
    // As in Kubernetes.
    if (compiled.problems.some(({ message }) => MIXED_LITERAL.test(message))) throw new LeftOut();
    return 'error';
  }
  const evaluation = compiled.program.evaluate(Object.fromEntries(bindings));
  return evaluation.ok ? show(evaluation.value) : 'error';
}

const MIXED_LITERAL = /list elements must have|map (key|value) uses wrong type/;

const plain = createEnvironment({});
const environmentFor = (declarations: Declarations): typeof plain =>
  Object.keys(declarations).length === 0 ? plain : createEnvironment(declarations);

const PRIMITIVES: Readonly<Record<string, VariableType>> = {
  INT64: 'int',
  DOUBLE: 'double',
  STRING: 'string',
  BOOL: 'bool',
};

function typeOf(type: SpecType): VariableType {
  const primitive = type.primitive === undefined ? undefined : PRIMITIVES[type.primitive];
  if (primitive !== undefined) return primitive;
  // Of every other type the value is checked when it is evaluated.
  if (type.messageType !== undefined || type.wellKnown !== undefined) throw new LeftOut();
  return 'dyn';
}

const valueOf = (value: SpecValue): unknown =>
  numberOf(value) ?? partsOf(value) ?? value.stringValue ?? value.boolValue ?? null;

function numberOf({ int64Value, uint64Value, doubleValue }: SpecValue): unknown {
  if (int64Value !== undefined) return BigInt(int64Value);
  if (uint64Value !== undefined) return new Unsigned(BigInt(uint64Value));
  return doubleValue === undefined ? undefined : Number(doubleValue);
}

function partsOf(value: SpecValue): unknown {
  const { bytesValue, listValue, mapValue, typeValue, objectValue } = value;
  if (bytesValue !== undefined) return Uint8Array.from(atob(bytesValue), codeOf);
  if (listValue !== undefined) return (listValue.values ?? []).map(valueOf);
  if (mapValue !== undefined) {
    const entries = mapValue.entries ?? [];
    return new Map(entries.map(({ key, value: item }) => [valueOf(key), valueOf(item)]));
  }
  if (typeValue !== undefined) return new TypeValue(typeValue);
  return objectValue === undefined ? undefined : objectOf(objectValue);
}

const codeOf = (character: string): number => character.charCodeAt(0);

function objectOf(object: NonNullable<SpecValue['objectValue']>): unknown {
  if (object['@type'].endsWith('.Timestamp')) return new Date(object.value);
  if (!object['@type'].endsWith('.Duration')) throw new LeftOut();
  return toDuration(BigInt(Math.round(Number(object.value.slice(0, -1)) * 1e9)));
}

const show = (value: unknown): string => {
  if (typeof value === 'bigint') return `int ${String(value)}`;
  if (typeof value === 'number') return `double ${String(value)}`;
  if (value instanceof Unsigned) return `uint ${String(value.value)}`;
  if (value instanceof Uint8Array) return `bytes ${value.join()}`;
  if (value instanceof Date) return formatTimestamp(value);
  if (value instanceof Duration) return `duration ${String(durationNanos(value))}`;
  if (value instanceof TypeValue) return `type ${value.name}`;
  if (Array.isArray(value)) return `[${value.map(show).join()}]`;
  if (!isMap(value)) return JSON.stringify(value);
  const entries = entriesOf(value).map(([key, item]) => `${show(key)}:${show(item)}`);
  return `{${entries.toSorted().join()}}`;
};
