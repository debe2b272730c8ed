// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { ChangePolicyKind, ChangeWorkloadKind, KINDS, toCrd } from './index.ts';
import { structural } from './kind.ts';

type Json = Readonly<Record<string, unknown>>;

const isJsonObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const record = (value: unknown): Json => (isJsonObject(value) ? value : {});
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** What a structural schema of Kubernetes may contain, and nothing else. */
const ALLOWED = new Set([
  'type',
  'description',
  'default',
  'enum',
  'format',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'maxProperties',
  'required',
  'properties',
  'items',
  'additionalProperties',
  'x-kubernetes-int-or-string',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-validations',
]);

const TYPES = ['object', 'array', 'string', 'integer', 'number', 'boolean'];

interface Node {
  readonly path: string;
  readonly schema: Json;
}

function* nodes(path: string, schema: Json): Generator<Node> {
  yield { path, schema };
  for (const [name, child] of Object.entries(record(schema['properties']))) {
    yield* nodes(`${path}.${name}`, record(child));
  }
  if (schema['items'] !== undefined) yield* nodes(`${path}[]`, record(schema['items']));
  if (isJsonObject(schema['additionalProperties'])) {
    yield* nodes(`${path}{}`, schema['additionalProperties']);
  }
}

const rootOf = (kind: (typeof KINDS)[number]): Json => {
  const [version] = list(record(toCrd(kind)['spec'])['versions']);
  return record(record(record(version)['schema'])['openAPIV3Schema']);
};

const problemsOf = ({ path, schema }: Node): string[] => [
  ...Object.keys(schema)
    .filter((key) => !ALLOWED.has(key))
    .map((key) => `${path}: "${key}" is not structural`),
  ...typeProblems(path, schema),
  ...(schema['properties'] !== undefined && schema['additionalProperties'] !== undefined
    ? [`${path}: properties exclude additionalProperties`]
    : []),
  ...(schema['additionalProperties'] === false ? [`${path}: additionalProperties is false`] : []),
  ...(schema['type'] === 'array' && !isJsonObject(schema['items']) ? [`${path}: no items`] : []),
  ...list(schema['required'])
    .filter((name) => !(String(name) in record(schema['properties'])))
    .map((name) => `${path}: requires unknown "${String(name)}"`),
];

function typeProblems(path: string, schema: Json): string[] {
  const { type } = schema;
  if (schema['x-kubernetes-int-or-string'] === true) {
    return type === undefined ? [] : [`${path}: int-or-string has a type`];
  }
  return TYPES.includes(String(type)) ? [] : [`${path}: type ${String(type)}`];
}

/** As the API server prunes and validates; only what our schemas use. */
function violations(value: unknown, schema: Json, path: string): string[] {
  if (Array.isArray(value)) {
    return [
      ...(schema['type'] === 'array' ? [] : [`${path}: a list`]),
      ...value.flatMap((item, i) => violations(item, record(schema['items']), `${path}[${i}]`)),
    ];
  }
  if (isJsonObject(value)) return objectViolations(value, schema, path);
  return scalarViolations(value, schema, path);
}

function scalarViolations(value: unknown, schema: Json, path: string): string[] {
  const allowed = list(schema['enum']);
  if (allowed.length > 0 && !allowed.includes(value)) return [`${path}: ${String(value)}`];
  if (typeof value !== 'number') return [];
  const { minimum = -Infinity, maximum = Infinity } = schema;
  return value < Number(minimum) || value > Number(maximum) ? [`${path}: ${value}`] : [];
}

function objectViolations(value: Json, schema: Json, path: string): string[] {
  const properties = record(schema['properties']);
  const missing = list(schema['required']).filter((name) => !(String(name) in value));
  return [
    ...missing.map((name) => `${path}.${String(name)} is missing`),
    ...Object.entries(value).flatMap(([name, item]) =>
      name in properties
        ? violations(item, record(properties[name]), `${path}.${name}`)
        : [`${path}.${name} is unknown`],
    ),
  ];
}

/** Fills in defaults as the API server does: depth first, also inside of defaults. */
function defaulted(value: unknown, schema: Json): unknown {
  if (Array.isArray(value)) return value.map((item) => defaulted(item, record(schema['items'])));
  if (!isJsonObject(value)) return value;
  const filled: Record<string, unknown> = { ...value };
  for (const [name, child] of Object.entries(record(schema['properties']))) {
    const { default: preset } = record(child);
    if (filled[name] === undefined && preset !== undefined) filled[name] = structuredClone(preset);
    if (filled[name] !== undefined) filled[name] = defaulted(filled[name], record(child));
  }
  return filled;
}

const specSchema = (kind: (typeof KINDS)[number]): Json =>
  record(record(rootOf(kind)['properties'])['spec']);

for (const kind of KINDS) {
  describe(`the CRD of ${kind.kind}`, () => {
    it('is structural in every node', () => {
      const problems = [...nodes(kind.kind, rootOf(kind))].flatMap(problemsOf);
      assert.deepEqual(problems, []);
    });

    it('has no value that kubectl reads as a boolean', () => {
      const values = [...nodes(kind.kind, rootOf(kind))].flatMap(({ schema }) => [
        ...list(schema['enum']),
        schema['default'],
      ]);
      const booleans = values.filter((value) => /^(y|n|yes|no|on|off)$/i.test(String(value)));
      assert.deepEqual(booleans, []);
    });

    it('describes its spec and its status', () => {
      const { spec, status } = record(rootOf(kind)['properties']);
      assert.equal(typeof record(spec)['description'], 'string');
      assert.equal(typeof record(status)['description'], 'string');
    });

    it('has defaults that its own schema accepts', () => {
      for (const { path, schema } of nodes(kind.kind, rootOf(kind))) {
        if (schema['default'] === undefined) continue;
        assert.deepEqual(violations(defaulted(schema['default'], schema), schema, path), []);
      }
    });

    it('bounds every string, list and map, so that the cost of rules is bounded', () => {
      const unbounded = [...nodes(kind.kind, record(rootOf(kind)['properties']))]
        .filter(({ path }) => !/\.(apiVersion|kind|metadata)$/.test(path))
        .filter(({ schema }) => isUnbounded(schema))
        .map(({ path }) => path);
      assert.deepEqual(unbounded, []);
    });

    it('has rules within the cost limit of Kubernetes 1.30', () => {
      const costly = [...nodes(kind.kind, rootOf(kind))].filter(isOfMixedItems).flatMap(tooCostly);
      assert.deepEqual(costly, []);
    });

    it('names columns whose paths are in its schema', () => {
      for (const { name, jsonPath } of kind.columns) {
        const first = jsonPath.replace(/\[.*/, '').split('.').slice(1);
        assert.ok(isInSchema(first, rootOf(kind)), `${name}: ${jsonPath}`);
      }
    });
  });
}

function isUnbounded(schema: Json): boolean {
  if (schema['type'] === 'array') return schema['maxItems'] === undefined;
  if (isJsonObject(schema['additionalProperties'])) return schema['maxProperties'] === undefined;
  if (schema['type'] !== 'string') return false;
  return ['maxLength', 'enum', 'format'].every((bound) => schema[bound] === undefined);
}

const isOfMixedItems = ({ schema }: Node): boolean =>
  record(schema['items'])['x-kubernetes-int-or-string'] === true;

/** Up to 1.33, the estimate assumes megabytes per item: rules can read each item once, and no pairs. */
function tooCostly({ path, schema }: Node): string[] {
  const rules = list(schema['x-kubernetes-validations']).map((each) =>
    String(record(each)['rule']),
  );
  return rules
    .filter((rule) =>
      /\.matches\(|\.(all|exists|exists_one)\(.*\.(all|exists|exists_one)\(/.test(rule),
    )
    .map((rule) => `${path}: ${rule}`);
}

function isInSchema(path: readonly string[], schema: Json): boolean {
  const [name, ...rest] = path;
  if (name === undefined) return true;
  if (name === 'metadata') return true;
  const child = record(schema['properties'])[name];
  return child !== undefined && isInSchema(rest, record(child));
}

it('each kind is found by its short name and category, and `kubectl get changes` lists changes alone', () => {
  const names = KINDS.map(({ kind, shortNames, categories }) => [kind, shortNames, categories]);
  assert.deepEqual(names, [
    ['ChangePolicy', ['chp'], ['altershield']],
    ['ChangeWorkload', ['cw'], ['changes', 'altershield']],
    ['ChangePod', ['cp'], ['altershield']],
    ['ChangeApproval', ['cha'], ['altershield']],
    ['ChangeCheck', ['chk'], ['altershield']],
    ['MetricSource', ['ms'], ['altershield']],
  ]);
});

describe('a ChangePolicy', () => {
  it('gets the same defaults from the API server as from the parser', () => {
    const served = defaulted({}, specSchema(ChangePolicyKind));
    assert.deepEqual(served, ChangePolicyKind.spec.parse({}));
  });

  it('gets the same defaults inside of partial objects', () => {
    const written = { release: { soakSeconds: 0 }, checks: { podHealth: { maxRestarts: 9 } } };
    const served = defaulted(written, specSchema(ChangePolicyKind));
    assert.deepEqual(served, ChangePolicyKind.spec.parse(written));
  });

  it('accepts batches as counts and as percentages', () => {
    const spec = { release: { batches: [1, '30%', '100%'] } };
    assert.equal(ChangePolicyKind.spec.safeParse(spec).success, true);
  });

  const REFUSED: Readonly<Record<string, unknown>> = {
    'an unknown field': { relaese: {} },
    'an unknown field deep inside': { checks: { podHealth: { maxRestart: 1 } } },
    'a mode that does not exist': { mode: 'enforce' },
    'no batch at all': { release: { batches: [] } },
    'a batch of no pods': { release: { batches: [0, '100%'] } },
    'a batch of 0 %': { release: { batches: ['0%'] } },
    'a batch of 101 %': { release: { batches: ['101%'] } },
    'a percentage with a fraction': { release: { batches: ['12.5%'] } },
    'a negative soak time': { release: { soakSeconds: -1 } },
    'a soak time that is a string': { release: { soakSeconds: '30s' } },
    'a canary of no pods': { release: { strategy: 'Canary', canary: { pods: 0 } } },
    'settings of a step without its number': { release: { steps: [{ pauseAfter: true }] } },
    'a pause with a text': { release: { steps: [{ step: 1, pauseAfter: 'yes' }] } },
    'a strategy that does not exist': { release: { strategy: 'canary' } },
    'a kind in lower case': { target: { kinds: ['deployments'] } },
    'a kind with a version': { target: { kinds: ['Deployment.apps/v1'] } },
    'a number beyond int32': { limits: { rollbacksPerHour: 2 ** 31 } },
    'a list for a spec': [],
    'null for a spec': null,
  };
  for (const [what, spec] of Object.entries(REFUSED)) {
    it(`rejects ${what}`, () => {
      assert.equal(ChangePolicyKind.spec.safeParse(spec).success, false);
    });
  }

  it('restricts the values and the order of batches in its schema', () => {
    const { batches } = record(
      record(record(specSchema(ChangePolicyKind)['properties'])['release'])['properties'],
    );
    const { items, 'x-kubernetes-validations': rules } = record(batches);
    const step = new RegExp(String(record(items)['pattern']));
    assert.deepEqual(
      ['1%', '30%', '100%', '0%', '101%', '5', 'x%'].map((each) => step.test(each)),
      [true, true, true, false, false, false, false],
    );
    assert.equal(record(items)['minimum'], 1);
    assert.deepEqual(
      list(rules).map((rule) => record(rule)['message']),
      [
        'nothing may follow 100%: remove it, or the steps after it',
        'counts are cumulative: each must be larger than the one before',
        'percentages are cumulative: each must be larger than the one before',
        'each step may occur only once',
      ],
    );
  });

  it('names the path of every problem at once', () => {
    const spec = { mode: 'Off', release: { batches: [], soakSeconds: -1 } };
    const { error } = ChangePolicyKind.spec.safeParse(spec);
    const paths = error?.issues.map(({ path }) => path.join('.'));
    assert.deepEqual(paths, ['mode', 'release.batches', 'release.soakSeconds']);
  });
});

describe('a ChangeWorkload', () => {
  it('makes every field of its spec immutable', () => {
    const rule = ChangeWorkloadKind.rules.map((each) => each.rule).join(' && ');
    const compared = [...rule.matchAll(/self\.spec\.(\w+) == oldSelf\.spec\.\1(?= |\)|$)/g)];
    const fields = Object.keys(ChangeWorkloadKind.spec.shape);
    assert.deepEqual(
      compared.map(([, field]) => field),
      fields,
    );
    assert.match(rule, /has\(self\.spec\.from\) == has\(oldSelf\.spec\.from\)/);
  });
});

describe('structural', () => {
  it('keeps a free-form object open', () => {
    const schema = structural(ChangeWorkloadKind.spec);
    const from = record(record(schema['properties'])['from']);
    const template = record(record(from['properties'])['template']);
    assert.equal(template['type'], 'object');
    assert.equal(template['x-kubernetes-preserve-unknown-fields'], true);
  });

  it('writes an integer without the bounds of JavaScript', () => {
    assert.deepEqual(structural(z.int()), { type: 'integer' });
  });
});
