// SPDX-License-Identifier: Apache-2.0

/** A mistake that somebody could make: a text of a source file, and what stands there then. */
export interface Mutant {
  readonly name: string;
  /** What the operator does then. */
  readonly mistake: string;
  /** A tool whose users reported it. */
  readonly seenIn?: string;
  /** Below `packages`. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const core = (path: string): string => `core/src/${path}.ts`;

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'no-soak',
    mistake: 'starts the next batch as soon as the pods are ready',
    file: core('check/soak'),
    find: 'if (soakSeconds > 0 && currentAsOf < dueAt) {',
    replace: 'if (false) {',
  },
  {
    name: 'inconclusive-passes',
    mistake: 'goes on when a check knows nothing',
    seenIn: 'argo-rollouts #4479, flagger #1581',
    file: core('change/release'),
    find: "case 'Inconclusive':\n      return inconclusive(context);",
    replace: "case 'Inconclusive':\n      return completeBatch(context);",
  },
  {
    name: 'deadline-never-fires',
    mistake: 'waits without an end for pods that are never ready',
    seenIn: 'argo-rollouts #4626, #4128, #3765',
    file: core('check/await-ready'),
    find: '+ readyDeadlineSeconds * 1000;',
    replace: '+ Infinity;',
  },
  {
    name: 'fail-goes-on',
    mistake: 'releases the next batch after a failure',
    file: core('change/release'),
    find: "case 'Fail':\n      return fail(context);",
    replace: "case 'Fail':\n      return completeBatch(context);",
  },
  {
    name: 'suspended-goes-on',
    mistake: 'goes on with a suspended change',
    file: core('change/release'),
    find: "if (status.phase === 'Suspend') return keepSuspended(context);\n  if (isPausedByUser(context)) return { ...pausedByUser",
    replace: 'if (isPausedByUser(context)) return { ...pausedByUser',
  },
  {
    name: 'all-at-once',
    mistake: 'begins with the last batch',
    file: core('change/batch'),
    find: 'const step = steps[Math.max(1, Math.min(batch?.index ?? first, last)) - 1];',
    replace: 'const step = steps[last - 1 + 0 * Math.min(batch?.index ?? first, last)];',
  },
  {
    name: 'acts-before-it-records',
    mistake: 'releases pods before the batch is recorded',
    file: 'operator/src/controllers/change.ts',
    find: 'await write(change, decision, deps, { signal, log });\n  deps.changeMetrics',
    replace:
      'await reach(change, decision, { deps, observation, subject }, { signal, log });\n  await write(change, decision, deps, { signal, log });\n  deps.changeMetrics',
  },
  {
    name: 'not-held',
    mistake: 'lets a change pass admission without a hold',
    seenIn: 'kruise-rollouts #278',
    file: core('admission/workload'),
    find: 'const added = admission.hold(input);',
    replace: 'const added: ReturnType<typeof admission.keep> = admission.keep(input);',
  },
  {
    name: 'forgets-quarantine',
    mistake: 'lets GitOps apply a revision again that was rolled back',
    seenIn: 'argo-cd #9570, flagger #1504',
    file: core('change/rollback'),
    find: 'if (quarantineSeconds === 0 || isRestart || !QUARANTINED.has(reason)) return {};',
    replace: 'if (quarantineSeconds >= 0 || isRestart || !QUARANTINED.has(reason)) return {};',
  },
  {
    name: 'superseded-stays-open',
    mistake: 'never ends a change that a newer one replaced',
    file: core('change/decide'),
    find: "return { status: move(status, observation.now, ['Superseded', 'Superseded'], message) };",
    replace: 'return { status: { ...status, message } };',
  },
  {
    name: 'audit-writes',
    mistake: 'marks workloads that a policy only observes',
    file: core('change/rest'),
    find: "if (mode === 'Enforce' && usesSteps(",
    replace: 'if (mode !== undefined && usesSteps(',
  },
  {
    name: 'rest-during-release',
    mistake: 'ends a hold while a change is released',
    seenIn: 'argo-rollouts #4626',
    file: core('change/rest'),
    find: '=== view.uid && writes(change))) {',
    replace: '=== view.uid && writes(change) && false)) {',
  },
  {
    name: 'rollback-once',
    mistake: 'does not repeat a rollback whose write was lost',
    file: core('change/rollback'),
    find: 'return { status, goal: rollBackGoal(observation, status) };\n  const message',
    replace: 'return { status };\n  const message',
  },
  {
    name: 'rollback-alters-template',
    mistake: 'restores another template than the verified one',
    seenIn: 'argo-rollouts #2669',
    file: core('change/rollback'),
    find: 'template: from === undefined ? {} : contentOf(from),',
    replace:
      "template: from === undefined ? {} : { ...contentOf(from), metadata: { labels: { app: 'checkout', by: 'altershield' } } },",
  },
  {
    name: 'keeps-ownership',
    mistake: 'owns the fields of a template that it restored, so that the next apply conflicts',
    seenIn: 'argo-cd #21480',
    file: 'operator/src/actions/perform.ts',
    find: "const owned = goal.type === 'RollBack' ? await restore(goal, target, deps, signal) : 0;",
    replace: 'const owned = 0;',
  },
  {
    name: 'fields-not-restored',
    mistake: 'ends a change before its user’s fields are restored',
    seenIn: 'kruise-rollouts #305',
    file: core('change/release'),
    find: 'if (batch.isLast && isHolding(workload)) return release(context);',
    replace: '',
  },
  {
    name: 'sts-one-pod-more',
    mistake: 'lowers the partition of a StatefulSet one pod too far',
    file: core('workload/stateful-set/plan'),
    find: 'Math.max(0, view.replicas - target)',
    replace: 'Math.max(0, view.replicas - target - 1)',
  },
  {
    name: 'sts-stuck-rollback',
    mistake: 'leaves the broken pods of a StatefulSet after a rollback',
    seenIn: 'kubernetes #67250, prometheus-operator #8205',
    file: core('workload/stateful-set/plan'),
    find: 'return writes.length > 0 ? writes : unstick(view, [view.fingerprint]);',
    replace: 'return writes;',
  },
  {
    name: 'sts-strategy-stays',
    mistake: 'leaves its own update strategy in a StatefulSet after a rollback',
    seenIn: 'kruise-rollouts #305',
    file: core('workload/stateful-set/plan'),
    find: 'const writes = patch(object, [\n    ...setStrategy(object, view.strategy),\n    ...dropAnnotation',
    replace: 'const writes = patch(object, [\n    ...dropAnnotation',
  },
  {
    name: 'sts-deletes-ready-pods',
    mistake: 'deletes ready pods of a StatefulSet as well, to be done sooner',
    file: core('workload/stateful-set/plan'),
    find: '!ready && revision !== undefined && !names.includes(revision)',
    replace: '(ready || !ready) && revision !== undefined && !names.includes(revision)',
  },
  {
    name: 'sts-edit-lost',
    mistake: 'loses the edits that a user makes while a StatefulSet is held',
    seenIn: 'kruise-rollouts #305',
    file: core('workload/stateful-set/admission'),
    find: 'return saved === undefined ? asCopy(input.object) : stillHeld(input, saved);',
    replace: 'return saved === undefined ? asCopy(input.object) : { annotations: {} };',
  },
  {
    name: 'deployment-one-pod-more',
    mistake: 'releases one pod of a Deployment too many',
    file: core('workload/deployment/plan'),
    find: 'target: updated.hash, released: goal.target, replicas };',
    replace: 'target: updated.hash, released: goal.target + 1, replicas };',
  },
  {
    name: 'clamp-off',
    mistake: 'lets the controller of a Deployment exceed the batch',
    file: core('admission/replica-set'),
    find: 'if (isInFlight(release)) return allow([replicas]);',
    replace: 'if (isInFlight(release)) return allow();',
  },
  {
    name: 'scale-releases-more',
    mistake: 'does not take released pods back when a Deployment is scaled down',
    seenIn: 'argo-rollouts #2857, #3849',
    file: core('workload/deployment/cap/clamp'),
    find: 'if (desired >= replicas) return released;',
    replace: 'if (desired >= 0) return released;',
  },
  {
    name: 'hold-releases',
    mistake: 'opens the cap of a Deployment when it is to be held',
    file: core('workload/deployment/plan'),
    find: 'const released = updated?.replicas ?? 0;\n  const { replicas } = view;\n  const wanted = { verified, target: updated?.hash ?? HELD, released, replicas };',
    replace:
      'const { replicas } = view;\n  const released = updated === undefined ? 0 : replicas;\n  const wanted = { verified, target: updated?.hash ?? HELD, released, replicas };',
  },
  {
    name: 'deployment-rest-missing',
    mistake: 'leaves the cap of the last change in a Deployment',
    file: core('workload/deployment/plan'),
    find: '...(isSame ? [] : writeCap(deployment, cap, forgetsActor)),',
    replace: '...(isSame || !isSame ? [] : writeCap(deployment, cap, forgetsActor)),',
  },
  {
    name: 'ds-bound-ignored',
    mistake: 'deletes all pods of a DaemonSet’s batch at once',
    file: core('workload/daemon-set/plan'),
    find: 'const spare = Math.max(0, maxUnavailable - missing - unready);',
    replace: 'const spare = Math.max(0, size + 0 * maxUnavailable * unready);',
  },
  {
    name: 'ds-batch-ignored',
    mistake: 'deletes more pods of a DaemonSet than the batch has',
    file: core('workload/daemon-set/plan'),
    find: 'const quota = Math.max(0, target - updated.length - missing);',
    replace: 'const quota = Math.max(0, target + 9 - updated.length - missing);',
  },
  {
    name: 'ds-strategy-stays',
    mistake: 'leaves OnDelete in a DaemonSet after a rollback',
    seenIn: 'kruise-rollouts #305',
    file: core('workload/daemon-set/plan'),
    find: 'const writes = patch(object, [\n    ...setType(object, type),\n    ...dropAnnotation(object, ANNOTATIONS.hold),',
    replace: 'const writes = patch(object, [\n    ...dropAnnotation(object, ANNOTATIONS.hold),',
  },
  {
    name: 'any-pod-is-ready',
    mistake: 'takes a pod that runs for a pod that is ready',
    seenIn: 'argo-rollouts #3765',
    file: core('check/observe-pod'),
    find: '    ready: isReady,',
    replace: '    ready: isReady || true,',
  },
  {
    name: 'failures-unseen',
    mistake: 'never takes a crash for a failure',
    seenIn: 'argo-rollouts #3988',
    file: core('check/pod-failure'),
    find: "  CrashLoopBackOff: 'Crash',",
    replace: '',
  },
];
