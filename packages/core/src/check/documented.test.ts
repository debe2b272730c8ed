// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import {
  ChangeCheckKind,
  changeCheckSpec,
  ChangePolicyKind,
  type ChangeCheckSpec,
  type ChangePolicySpec,
} from '@altershield/api';
import { parseAllDocuments } from 'yaml';
import { explainErrors } from '../policy/field.ts';
import { parsePolicy } from '../policy/validate.ts';
import { withUsedChecks } from './used-checks.ts';

const PAGE = new URL('../../../../docs/checks.md', import.meta.url);

interface Document {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: unknown;
}

const examples = [...(await readFile(PAGE, 'utf8')).matchAll(/```yaml\n(.*?)```/gs)].map(
  ([, text = '']) => parseAllDocuments(text).map((each) => each.toJS() as Document),
);

function policySpec({ spec }: Document): ChangePolicySpec {
  const place = { namespace: 'shop', operatorNamespace: 'altershield-system', kinds: [] };
  const parsed = parsePolicy(spec, place);
  assert.ok(parsed.ok, parsed.ok ? '' : explainErrors(parsed.errors));
  return parsed.spec;
}

/** What the kind's own schema makes of an example; unknown kinds fail. */
const READ: Readonly<Record<string, (document: Document) => unknown>> = {
  [ChangePolicyKind.kind]: policySpec,
  [ChangeCheckKind.kind]: ({ spec }) => changeCheckSpec.parse(spec),
};

test('every example of the page is valid', () => {
  const documents = examples.flat();
  assert.ok(documents.length >= 4);
  for (const document of documents) {
    const read = READ[document.kind] ?? assert.fail(document.kind);
    read(document);
  }
});

test('an example that uses a ChangeCheck gets its metrics', () => {
  const using = examples.find((all) => all.some(({ kind }) => kind === ChangeCheckKind.kind)) ?? [];
  const [check, policy] = [ChangeCheckKind.kind, ChangePolicyKind.kind].map((kind) =>
    using.find((document) => document.kind === kind),
  );
  assert.ok(check !== undefined && policy !== undefined);
  const find = (name: string): ChangeCheckSpec | undefined =>
    name === check.metadata.name ? changeCheckSpec.parse(check.spec) : undefined;
  const { metrics, use } = withUsedChecks(policySpec(policy).checks, find);
  assert.equal(use, undefined);
  assert.match(metrics?.[0]?.query ?? '', /job="web"/);
});
