// SPDX-License-Identifier: Apache-2.0
import { Environment, type TypeOf, type Node } from './engine.ts';
import { registerComprehensions } from './library/comprehensions.ts';
import { CONVERSIONS, OPERATORS } from './library/conversions.ts';
import { FORMAT, Format } from './library/format.ts';
import { Cidr, Ip, IP } from './library/ip.ts';
import { parseSignature, register, type Definition, type Signature } from './library/library.ts';
import { LISTS } from './library/lists.ts';
import { Quantity, QUANTITY } from './library/quantity.ts';
import { RegexCache, regexLibrary } from './library/regex.ts';
import { SEMVER, Semver } from './library/semver.ts';
import { STRINGS } from './library/strings.ts';
import { TIME } from './library/time.ts';
import { Url, URLS } from './library/url.ts';
import { Meter } from './meter.ts';

/** The type of a variable in the notation of CEL; Kubernetes objects are `dyn`. */
export type VariableType =
  | 'dyn'
  | 'bool'
  | 'int'
  | 'double'
  | 'string'
  | 'timestamp'
  | 'duration'
  | 'list<dyn>'
  | 'list<string>'
  | 'map<string, dyn>'
  | 'map<string, double>'
  | 'map<string, string>';

export interface VariableDeclaration {
  readonly type: VariableType;
  /** How many items or characters the cost estimate assumes; 100 unless given. */
  readonly assumedSize?: number;
}

export type Declarations = Readonly<Record<string, VariableDeclaration>>;

/** What expressions are compiled in. */
export interface RuleEnvironment {
  readonly declarations: Declarations;
  readonly engine: Environment;
  readonly meter: Meter;
  readonly regexes: RegexCache;
  /** The functions of the engine that are replaced. */
  readonly replaced: ReadonlySet<string>;
  readonly dyn: TypeOf;
}

const ENGINE_TYPES: Readonly<Partial<Record<VariableType, string>>> = {
  timestamp: 'google.protobuf.Timestamp',
  duration: 'google.protobuf.Duration',
};

/** The limits of an expression's text and shape; what is allowed beyond is bounded by its cost. */
const LIMITS = { maxAstNodes: 2000, maxDepth: 60, maxListElements: 500, maxMapEntries: 500 };

/** `sets.contains`, `format.uuid` and the like are methods of a constant. */
const NAMESPACES = ['sets', 'lists', 'strings', 'ip', 'format'] as const;

const namespaceType = (name: string): string =>
  `${name.charAt(0).toUpperCase()}${name.slice(1)}Namespace`;

/** Declares the variables that expressions may use. Costs a few milliseconds: keep it. */
export function createEnvironment(declarations: Declarations): RuleEnvironment {
  const engine = new Environment({
    enableOptionalTypes: true,
    homogeneousAggregateLiterals: true,
    limits: LIMITS,
  });
  const meter = new Meter();
  const regexes = new RegexCache();
  registerTypes(engine);
  const replaced = registerLibraries(engine, regexLibrary(regexes, meter));
  registerComprehensions(engine, meter);
  for (const [name, { type }] of Object.entries(declarations)) {
    engine.registerVariable(name, ENGINE_TYPES[type] ?? type);
  }
  return { declarations, engine, meter, regexes, replaced, dyn: dynOf() };
}

function registerTypes(engine: Environment): void {
  engine
    .registerType('Quantity', Quantity)
    .registerType('IP', Ip)
    .registerType('CIDR', Cidr)
    .registerType('Semver', Semver)
    .registerType('URL', Url)
    .registerType('Format', Format);
  for (const name of NAMESPACES) {
    const type = namespaceType(name);
    const ctor = class {
      readonly name = name;
    };
    engine.registerType(type, ctor).registerConstant(name, type, new ctor());
  }
}

function registerLibraries(engine: Environment, regex: readonly Definition[]): ReadonlySet<string> {
  const language = [...regex, ...STRINGS, ...TIME, ...CONVERSIONS];
  const all = [...language, ...QUANTITY, ...IP, ...SEMVER, ...URLS, ...FORMAT, ...LISTS];
  const replaced = namesIn(engine, all);
  register(engine, all, replaced);
  for (const [signature, handler] of OPERATORS) {
    engine.registerOperator(signature, handler as (left: unknown, right: unknown) => unknown);
  }
  return replaced;
}

/** The names that the engine and this package both define: the engine's are replaced. */
function namesIn(engine: Environment, definitions: readonly Definition[]): ReadonlySet<string> {
  const ours = new Set(definitions.map(([text]) => parseSignature(text)).flatMap(plainName));
  const theirs = engine.getDefinitions().functions.map(({ name }) => name);
  return new Set(theirs.filter((name) => ours.has(name)));
}

/** Methods of a namespace collide with nothing. */
const plainName = ({ name, receiver = '' }: Signature): readonly string[] =>
  receiver.endsWith('Namespace') ? [] : [name];

function dynOf(): TypeOf {
  const parsed = new Environment({ unlistedVariablesAreDyn: true }).parse('x');
  parsed.check();
  const { checkedType } = parsed.ast as unknown as Node;
  if (checkedType === undefined) throw new Error('the engine gave no type to a variable');
  return checkedType;
}
