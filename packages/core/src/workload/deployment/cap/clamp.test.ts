// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Environment } from '@marcbachmann/cel-js';
import fc from 'fast-check';
import { anyWrite, objectsOf } from '../../../../../../test/support/replica-set-writes.ts';
import { parseReleaseCap } from './annotation.ts';
import {
  CLAMPS_AT_REST,
  CLAMPS_IN_FLIGHT,
  CLAMP_TABLE,
  GROWS_BLINDLY,
  inlined,
} from './clamp-table.ts';
import { clampReplicas, type ReplicaSetWrite } from './clamp.ts';

interface Row {
  readonly what: string;
  readonly release?: string;
  readonly hash: 'v1' | 'v2' | 'v3';
  /** Replicas that the Deployment wants, in the write and before it. Default: 10, and the same. */
  readonly desired?: number;
  readonly oldDesired?: number;
  /** Absent: the ReplicaSet is created. */
  readonly was?: number;
  readonly asked: number;
  readonly allowed: number;
}

const HOLD = 'v1/-/0/10';
const THREE = 'v1/v2/3/10';
const REST = 'v1//0/10';
const ALL = 'v1/v2/10/10';

const ROWS: readonly Row[] = [
  {
    what: 'a held revision is created with no pod',
    release: HOLD,
    hash: 'v2',
    asked: 3,
    allowed: 0,
  },
  {
    what: 'an unannounced revision is created with no pod',
    release: REST,
    hash: 'v2',
    asked: 10,
    allowed: 0,
  },
  {
    what: 'the target is created with its batch',
    release: THREE,
    hash: 'v2',
    asked: 3,
    allowed: 3,
  },
  {
    what: 'the target never exceeds its batch',
    release: THREE,
    hash: 'v2',
    was: 1,
    asked: 5,
    allowed: 3,
  },
  {
    what: 'a part of the batch is not rounded up',
    release: THREE,
    hash: 'v2',
    was: 1,
    asked: 2,
    allowed: 2,
  },
  { what: 'a third revision has no pod', release: THREE, hash: 'v3', asked: 3, allowed: 0 },
  {
    what: 'pods beyond the cap are not removed',
    release: THREE,
    hash: 'v2',
    was: 5,
    asked: 7,
    allowed: 5,
  },
  { what: 'any revision may shrink', release: HOLD, hash: 'v2', was: 5, asked: 1, allowed: 1 },
  { what: 'the last batch is all pods', release: ALL, hash: 'v2', was: 3, asked: 10, allowed: 10 },
  {
    what: 'with all pods released, the verified one has no floor',
    release: ALL,
    hash: 'v1',
    was: 7,
    asked: 0,
    allowed: 0,
  },
  // Without a floor, S=0 loses U pods at once, and Recreate all of them.
  {
    what: 'a hold removes no pod of the verified one (S0/U2)',
    release: HOLD,
    hash: 'v1',
    was: 10,
    asked: 8,
    allowed: 10,
  },
  {
    what: 'a hold removes no pod of the verified one (Recreate)',
    release: HOLD,
    hash: 'v1',
    was: 10,
    asked: 0,
    allowed: 10,
  },
  {
    what: 'the verified one makes room for the batch only',
    release: THREE,
    hash: 'v1',
    was: 10,
    asked: 5,
    allowed: 7,
  },
  {
    what: 'the verified one surges as its user wants',
    release: THREE,
    hash: 'v1',
    was: 10,
    asked: 8,
    allowed: 8,
  },
  {
    what: 'below its floor the verified one loses no more',
    release: THREE,
    hash: 'v1',
    was: 5,
    asked: 4,
    allowed: 5,
  },
  {
    what: 'below its floor the verified one may grow',
    release: THREE,
    hash: 'v1',
    was: 5,
    asked: 6,
    allowed: 6,
  },
  { what: 'a revert is never capped', release: HOLD, hash: 'v1', was: 0, asked: 10, allowed: 10 },
  {
    what: 'the verified revision can be created again at any size',
    release: THREE,
    hash: 'v1',
    asked: 10,
    allowed: 10,
  },
  {
    what: 'scaled 10 → 20, the target keeps its pods',
    release: THREE,
    hash: 'v2',
    desired: 20,
    oldDesired: 10,
    was: 3,
    asked: 6,
    allowed: 3,
  },
  {
    what: 'scaled 10 → 20, the verified one gets the rest (S0/U2)',
    release: THREE,
    hash: 'v1',
    desired: 20,
    oldDesired: 10,
    was: 7,
    asked: 14,
    allowed: 17,
  },
  {
    what: 'scaled 10 → 20, the verified one may have surge beside it',
    release: THREE,
    hash: 'v1',
    desired: 20,
    oldDesired: 10,
    was: 8,
    asked: 19,
    allowed: 19,
  },
  {
    what: 'scaled 20 → 5, the target keeps its share',
    release: THREE,
    hash: 'v2',
    desired: 5,
    oldDesired: 20,
    was: 3,
    asked: 1,
    allowed: 1,
  },
  {
    what: 'scaled 20 → 5, the share is not exceeded by surge',
    release: THREE,
    hash: 'v2',
    desired: 5,
    was: 1,
    asked: 2,
    allowed: 1,
  },
  {
    what: 'scaled 20 → 5, the verified one keeps the rest (S0/U2)',
    release: THREE,
    hash: 'v1',
    desired: 5,
    oldDesired: 20,
    was: 17,
    asked: 3,
    allowed: 4,
  },
  {
    what: 'scaled 5 → 2, the share is rounded down',
    release: THREE,
    hash: 'v1',
    desired: 2,
    oldDesired: 5,
    was: 4,
    asked: 1,
    allowed: 2,
  },
  {
    what: 'scaled 5 → 2, the target asks for none',
    release: THREE,
    hash: 'v2',
    desired: 2,
    oldDesired: 5,
    was: 1,
    asked: 0,
    allowed: 0,
  },
  {
    what: 'one pod is never all unverified',
    release: THREE,
    hash: 'v2',
    desired: 1,
    oldDesired: 2,
    was: 0,
    asked: 1,
    allowed: 0,
  },
  {
    what: 'scaled 2 → 1, the verified pod stays',
    release: THREE,
    hash: 'v1',
    desired: 1,
    oldDesired: 2,
    was: 2,
    asked: 0,
    allowed: 1,
  },
  {
    what: 'scaled 1 → 10, the released pods come back',
    release: THREE,
    hash: 'v2',
    desired: 10,
    oldDesired: 1,
    was: 0,
    asked: 5,
    allowed: 3,
  },
  {
    what: 'scaled 1 → 10, the verified ones come back',
    release: THREE,
    hash: 'v1',
    desired: 10,
    oldDesired: 1,
    was: 1,
    asked: 5,
    allowed: 7,
  },
  {
    what: 'scaled to 0, no pod is kept',
    release: THREE,
    hash: 'v1',
    desired: 0,
    oldDesired: 10,
    was: 7,
    asked: 0,
    allowed: 0,
  },
  {
    what: 'scaled 0 → 10 while held, the newest gets nothing',
    release: HOLD,
    hash: 'v2',
    desired: 10,
    oldDesired: 0,
    was: 0,
    asked: 10,
    allowed: 0,
  },
  {
    what: 'an annotation of a Deployment at zero divides nothing',
    release: 'v1/v2/0/0',
    hash: 'v2',
    desired: 0,
    was: 0,
    asked: 1,
    allowed: 0,
  },
];

const writeOf = ({ hash, asked, ...row }: Row): ReplicaSetWrite => {
  const { release, desired = 10, oldDesired = desired, was } = row;
  const isCreate = was === undefined;
  return {
    ...{ release, hash, asked, was, desired: `${desired}` },
    oldDesired: isCreate ? undefined : `${oldDesired}`,
  };
};

for (const row of ROWS) {
  test(`the clamp: ${row.what}`, () => {
    assert.deepEqual(clampReplicas(writeOf(row)), { allowed: row.allowed });
  });
}

test('a ReplicaSet without the annotation is not clamped', () => {
  const write = { release: undefined, hash: 'v2', asked: 10, was: 0 };
  assert.deepEqual(clampReplicas({ ...write, desired: '10', oldDesired: '10' }), { allowed: 10 });
});

test('without the controller’s desired replicas, those of the annotation count', () => {
  for (const desired of [undefined, '', 'ten', '-1', '12345678901']) {
    const write = { desired, oldDesired: desired };
    const target = { ...write, release: THREE, hash: 'v2', was: 1, asked: 9 };
    assert.deepEqual(clampReplicas(target), { allowed: 3 });
    const verified = { ...write, release: THREE, hash: 'v1', was: 10, asked: 2 };
    assert.deepEqual(clampReplicas(verified), { allowed: 7 });
  }
});

test('under a malformed annotation, a ReplicaSet may shrink, but not grow', () => {
  for (const release of ['', 'abc', 'v1/v2/3', 'v1/v2/999999999999/10']) {
    const write = { release, hash: 'v1', desired: '10', oldDesired: '10' };
    assert.equal(clampReplicas({ ...write, was: undefined, asked: 1 }), 'Invalid');
    assert.equal(clampReplicas({ ...write, was: 3, asked: 4 }), 'Invalid');
    assert.deepEqual(clampReplicas({ ...write, was: 3, asked: 3 }), { allowed: 3 });
    assert.deepEqual(clampReplicas({ ...write, was: 3, asked: 0 }), { allowed: 0 });
    assert.deepEqual(clampReplicas({ ...write, was: undefined, asked: 0 }), { allowed: 0 });
  }
});

test('clamping is idempotent', () => {
  fc.assert(
    fc.property(anyWrite, (write) => {
      const once = clampReplicas(write);
      fc.pre(once !== 'Invalid');
      assert.deepEqual(clampReplicas({ ...write, asked: once.allowed }), once);
    }),
    { numRuns: 10_000 },
  );
});

test('clamping never increases a scale-up, unless the Deployment is scaled', () => {
  fc.assert(
    fc.property(anyWrite, (write) => {
      const made = clampReplicas(write);
      fc.pre(made !== 'Invalid' && (write.was === undefined || write.desired === write.oldDesired));
      assert.ok(made.allowed <= Math.max(write.asked, write.was ?? 0));
    }),
  );
});

const environment = new Environment({ unlistedVariablesAreDyn: true, enableOptionalTypes: true });
const TABLE = CLAMP_TABLE.map(({ name, expression }) => ({
  name,
  program: environment.parse(expression),
}));

/** The objects with CEL integers, as the API server gives them to CEL. */
const celObjects = (write: ReplicaSetWrite): Record<string, unknown> =>
  JSON.parse(JSON.stringify(objectsOf(write)), (_key, value: unknown) =>
    typeof value === 'number' ? BigInt(value) : value,
  ) as Record<string, unknown>;

/** Every variable of the table, evaluated in its order. */
function evaluate(write: ReplicaSetWrite): Readonly<Record<string, unknown>> {
  const context = celObjects(write);
  const variables: Record<string, unknown> = {};
  for (const { name, program } of TABLE) variables[name] = program({ ...context, variables });
  return variables;
}

test('the CEL table and the function give the same replicas for every write', () => {
  fc.assert(
    fc.property(anyWrite, (write) => {
      const { valid, allowed } = evaluate(write);
      const made = clampReplicas(write);
      const isRead = write.release !== undefined && parseReleaseCap(write.release) !== 'Invalid';
      assert.equal(valid, isRead);
      if (isRead && made !== 'Invalid') assert.equal(allowed, BigInt(made.allowed));
    }),
    { numRuns: 2000 },
  );
});

/** At rest, and while the Deployment is scaled: but what has no pod is never scaled, unless verified. */
function failsOpen({
  was,
  desired = '',
  oldDesired = '',
  hash,
  release,
}: ReplicaSetWrite): boolean {
  const cap = parseReleaseCap(release);
  if (cap === undefined || cap === 'Invalid') return false;
  if (cap.target === '') return true;
  const isScaling = was !== undefined && desired !== oldDesired;
  return isScaling && (was > 0 || hash === cap.verified);
}

test('the webhook is called for a write exactly when the function changes or denies it', () => {
  const programs = [CLAMPS_IN_FLIGHT, CLAMPS_AT_REST].map((predicate) =>
    environment.parse(inlined(predicate)),
  );
  fc.assert(
    fc.property(anyWrite, (write) => {
      fc.pre(write.release !== undefined);
      const made = clampReplicas(write);
      const changes = made === 'Invalid' || made.allowed !== write.asked;
      const isOpen = failsOpen(write);
      const asked = programs.map((program) => program(celObjects(write)));
      assert.deepEqual(asked, [changes && !isOpen, changes && isOpen]);
    }),
    { numRuns: 2000 },
  );
});

test('the API server denies a write exactly when the function calls its annotation invalid', () => {
  const program = environment.parse(inlined(GROWS_BLINDLY));
  fc.assert(
    fc.property(anyWrite, (write) => {
      fc.pre(write.release !== undefined);
      assert.equal(program(celObjects(write)), clampReplicas(write) === 'Invalid');
    }),
    { numRuns: 1000 },
  );
});
