// SPDX-License-Identifier: Apache-2.0
import { OBJECT_NAMES, type EventReason, type InPlaceEdit } from '@altershield/api';
import {
  ADAPTERS,
  eventOf,
  unknownVersionEvent,
  fingerprint,
  groupKind,
  signWith,
  type Decision,
  type Goal,
  type ReviewedEdit,
  type Signing,
  type WorkloadAdapter,
  type WebhookTarget,
} from '@altershield/core';
import {
  WriteThroughClient,
  EventRecorder,
  InformerFactory,
  keyOf,
  type AdmissionHandlers,
  type Client,
  type Controller,
  type Logger,
  type Metrics,
  type Runnable,
  type Scheduler,
} from '@altershield/kube';
import { perform, performWrites, type Target } from './actions/perform.ts';
import { answer } from './records/answer.ts';
import { CheckReader } from './checks/check-reader.ts';
import { MetricSources } from './checks/sources/metric-sources.ts';
import { QueryTrials } from './checks/sources/query-trials.ts';
import { Webhooks } from './checks/webhook.ts';
import { record } from './records/record.ts';
import { createHandlers, type AdmissionDeps, type DeniedWrite } from './admission/handlers.ts';
import { DeniedAttemptRecorder } from './records/denied-attempts.ts';
import { accessReviewer } from './admission/access-review.ts';
import { SecretPaths } from './admission/paths.ts';
import { createChangeController, type ChangeDeps } from './controllers/change.ts';
import { createDetectionController, type DetectionDeps } from './controllers/detection.ts';
import {
  clampInformers,
  createNativePoliciesController,
  type NativePoliciesDeps,
} from './controllers/native-policies.ts';
import { BareObjects } from './controllers/bare-objects.ts';
import { InPlaceEdits, editEvent } from './controllers/in-place-edits.ts';
import { createMetricSourceController } from './controllers/metric-source.ts';
import { createPolicyController } from './controllers/policy.ts';
import { createRetentionController } from './controllers/retention.ts';
import { createWebhooksController } from './controllers/webhooks.ts';
import type { Workload } from './kinds/followed-kind.ts';
import type { ChangeObject, WorkloadKubeObject } from './objects.ts';
import { gather, type GatherDeps } from './gather.ts';
import { ROLLBACKS_PER_HOUR, RollbackRateLimiter } from './records/rollback-limiter.ts';
import { LazyRules, type Rules } from './rules/rule-engine.ts';
import { PolicyCache } from './caches/policy-cache.ts';
import { ReadinessLossCounter } from './caches/readiness-losses.ts';
import { signatureVerifier } from './records/signature.ts';
import { TemplateTracker } from './caches/template-tracker.ts';
import { PodCacheVerifier } from './caches/pod-freshness/verifier.ts';
import {
  approvalsOf,
  changesOf,
  createCaches,
  followedKind,
  type Caches,
} from './caches/caches.ts';
import { ChangeMetrics } from './telemetry/change-metrics.ts';

export interface OperatorOptions {
  readonly client: Client;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  /** The operator's namespace: its policies apply to the whole cluster. */
  readonly namespace: string;
  /** Shared by all replicas; at least 32 bytes. */
  readonly signingKey: Uint8Array;
  /** The current address and CA of the webhook; undefined until there is a certificate. */
  readonly webhookTarget: (signal: AbortSignal) => Promise<WebhookTarget | undefined>;
  readonly identity: string;
  /** Set if the API server itself can limit replicas (the clamp); otherwise a webhook does. */
  readonly nativeClamp?: { readonly operatorUser: string } | undefined;
  /** The operator's user, for messages about permissions. Default: its ServiceAccount. */
  readonly operatorUser?: string;
  /** Limit in the whole cluster; beyond it, failed changes are suspended. Default 100. */
  readonly rollbacksPerHour?: number;
  readonly metrics?: Metrics;
  /** The kinds to follow. Default: all. */
  readonly adapters?: readonly WorkloadAdapter[];
}

/** One replica of the operator, without its HTTP servers. */
export interface Operator {
  /** Admission handlers by secret path; every replica serves them. */
  readonly handlers: AdmissionHandlers;
  /** Removes the secret from a path, for metrics. */
  readonly redactPath: (path: string) => string;
  /** The shared caches and what else every replica runs. */
  readonly runnables: readonly Runnable[];
  /** Runs the controllers, i.e. everything that decides and writes. */
  readonly runAsLeader: (signal: AbortSignal) => Promise<void>;
  /** Writes the webhook configurations, and resolves once they are stored. */
  readonly publishWebhooks: (signal: AbortSignal) => Promise<void>;
  readonly caches: Caches;
  readonly informers: InformerFactory;
}

/** Creates one replica. Starts nothing. */
export function createOperator(options: OperatorOptions): Operator {
  const { client: plain, scheduler, log, namespace, adapters = ADAPTERS } = options;
  const informers = new InformerFactory({ client: plain, scheduler, log });
  const client = new WriteThroughClient(plain, informers);
  const signing: Signing = { sign: signWith(options.signingKey), fingerprintOf: fingerprint };
  const isSigned = signatureVerifier(signing);
  const caches = createCaches(informers, { isSigned, signing, adapters });
  const rules = new LazyRules();
  const policyCache = new PolicyCache(caches, namespace, rules);
  const deniedAttempts = new DeniedAttemptRecorder({ client, caches, scheduler, log });
  const events = eventsOf(options);
  const changeMetrics = new ChangeMetrics(caches, options);
  const shared = {
    ...{ caches, policyCache, signing, client, scheduler, log, changeMetrics, rules },
    ...sharedOf(options),
  };
  const sources = sourcesOf(options, caches);
  const paths = new SecretPaths(signing.sign);
  const calls = callsOf(options, paths, informers);
  const webhooks = createWebhooksController({ ...shared, ...calls });
  const writers = writersOf(shared);
  const change = createChangeController({
    ...shared,
    isSigned,
    ...inputsOf(options, { ...shared, isSigned, sources }),
    ...recordsOf({ client, caches, scheduler }),
    perform: writers.perform,
    ...{ recordEvent: onTransition(events), sayUnknown: sayUnknown(events, log) },
  });
  const edits = editsOf(shared, events);
  const controllers = [
    createDetectionController(
      { ...shared, ...writers },
      new TemplateTracker({ ...shared, isSigned }),
    ),
    change,
    createPolicyController({ ...shared, queryTrials: new QueryTrials({ sources, scheduler }) }),
    createMetricSourceController({ ...shared, sources }),
    webhooks.controller,
    createRetentionController(shared),
    ...nativePoliciesOf(options, { ...shared, informers }),
  ];
  return {
    handlers: createHandlers({
      ...{ ...shared, deniedAttempts, paths, operatorNamespace: namespace },
      ...lookUps(caches),
      ...{ onDenied: onDenied(events), onEdit: edits.reviewed },
      ...{ mayApprove: accessReviewer(plain, scheduler) },
    }),
    runnables: [factoryRunnable(informers), events, deniedAttempts, ...edits.runnables],
    runAsLeader: async (signal) => {
      // With an incomplete cache, a controller would treat missing objects as deleted.
      await informers.whenSynced(signal);
      edits.lead(signal);
      await changeMetrics.whileLeading(() => runAll(controllers, signal));
    },
    publishWebhooks: webhooks.publish,
    redactPath: (path) => paths.redact(path),
    ...{ caches, informers },
  };
}

/** The cache lookups of admission. */
const lookUps = (
  caches: Caches,
): Pick<
  AdmissionDeps,
  'changeOf' | 'storedDecisions' | 'changesOf' | 'snapshotOf' | 'deploymentOf'
> => ({
  changeOf: (key) => caches.changes.get(key),
  storedDecisions: (key, uid) => approvalsOf(caches, key, uid).length,
  changesOf: (workload) => changesOf(caches, workload),
  snapshotOf: ({ descriptor }, object) => {
    const kind = followedKind(caches, groupKind(descriptor.resource));
    return kind?.snapshot(object as WorkloadKubeObject) ?? { object, related: {} };
  },
  deploymentOf: (rs) => followedKind(caches, 'Deployment.apps')?.owning(rs),
});

const sourcesOf = (options: OperatorOptions, caches: Caches): MetricSources => {
  const { client, scheduler, namespace } = options;
  return new MetricSources({
    ...{ caches, client, scheduler, namespace },
    operatorUser: userOf(options),
  });
};

const userOf = ({ namespace, operatorUser }: OperatorOptions): string =>
  operatorUser ?? `system:serviceaccount:${namespace}:${OBJECT_NAMES.serviceAccount}`;

/** Where the input of decisions comes from: the caches, pods listed again, and readings. */
function inputsOf(
  options: OperatorOptions,
  shared: {
    readonly caches: Caches;
    readonly signing: Signing;
    readonly isSigned: (change: ChangeObject) => boolean;
    readonly sources: MetricSources;
    readonly rules: Rules;
  },
): Pick<ChangeDeps, 'checkReader' | 'gather' | 'verifyPods'> {
  const { client, scheduler, log } = options;
  const verifier = new PodCacheVerifier({ client, caches: shared.caches, scheduler, log });
  const webhooks = new Webhooks({ client, scheduler, operatorUser: userOf(options) });
  const checkReader = new CheckReader({
    read: ({ read, check, key }, change, signal) => {
      if (read.type === 'Query') return shared.sources.read(read, change, signal);
      const id = `${change.metadata.uid}/${check}/${key}`;
      return webhooks.ask({ read, change, id }, signal);
    },
    ...{ scheduler, log },
  });
  const observed = {
    ...{ ...shared, scheduler, verifier },
    readingsOf: checkReader.readingsOf.bind(checkReader),
    hasDefaultSource: (place: string) => shared.sources.hasDefault(place),
    ...countsOf(options, shared.caches, shared.isSigned),
  };
  return {
    checkReader,
    gather: (change, look) => gather(change, { ...observed, look }),
    verifyPods: verifier.request,
  };
}

/** State that is counted from events, because the cached objects do not contain it. */
const countsOf = (
  { rollbacksPerHour = ROLLBACKS_PER_HOUR, scheduler }: OperatorOptions,
  caches: Caches,
  isSigned: (change: ChangeObject) => boolean,
): Pick<GatherDeps, 'readiness' | 'rollbackLimiter' | 'rollbacksPerHour'> => ({
  readiness: new ReadinessLossCounter(caches.pods, scheduler),
  rollbackLimiter: new RollbackRateLimiter(caches, isSigned),
  rollbacksPerHour,
});

/** What happens around the templates of workloads: edits in place, and objects without owner. */
function editsOf(shared: ConstructorParameters<typeof BareObjects>[0], events: EventRecorder) {
  const all = [
    new InPlaceEdits({ ...shared, onEdit: onEdit(events) }),
    new BareObjects(shared),
  ] as const;
  return {
    runnables: all.map(({ runnable }) => runnable),
    reviewed: (edit: ReviewedEdit): void => {
      for (const each of all) each.reviewed(edit);
    },
    lead: (term: AbortSignal): void => {
      for (const each of all) each.lead(term);
    },
  };
}

/** The writes of a plan. */
const writersOf = (
  deps: Parameters<typeof perform>[2],
): Pick<DetectionDeps, 'perform' | 'write'> => ({
  perform: (goal: Goal, on: Target, stop) => perform(goal, on, deps, stop),
  write: (writes, on, stop) => performWrites(writes, on, deps, stop),
});

/** The writes of statuses. */
const recordsOf = (
  deps: Parameters<typeof record>[2] & Parameters<typeof answer>[1],
): Pick<ChangeDeps, 'record' | 'answer'> => ({
  record: (change, decision, signal) => record(change, decision, deps, signal),
  answer: (answers, signal) => answer(answers, deps, signal),
});

const onTransition =
  (events: EventRecorder) =>
  (change: ChangeObject, { status }: Decision): void => {
    const event = eventOf(change, status);
    if (event !== undefined) events.record(subjectOf(change), event);
  };

/** Warns once per version of a record: each event of its pods reconciles the record again. */
const sayUnknown = (events: EventRecorder, log: Logger): ((change: ChangeObject) => void) => {
  const known = new WeakSet<ChangeObject>();
  return (change) => {
    if (known.has(change)) return;
    known.add(change);
    const { namespace, name } = keyOf(change);
    log.warn('ignored a ChangeWorkload of another version of AlterShield', {
      change: `${namespace}/${name}`,
      hint: 'run the newer version, or revert the workload and delete the record',
    });
    events.record(subjectOf(change), unknownVersionEvent(change));
  };
};

const sharedOf = ({ metrics, nativeClamp }: OperatorOptions) => ({
  metrics: metrics?.controller,
  nativeClamp: nativeClamp !== undefined,
});

const callsOf = (options: OperatorOptions, paths: SecretPaths, informers: InformerFactory) => ({
  target: withSecretPaths(options, paths),
  clamp: options.nativeClamp === undefined ? [] : clampInformers(informers),
});

const nativePoliciesOf = (
  { nativeClamp }: OperatorOptions,
  deps: Omit<NativePoliciesDeps, 'operatorUser'>,
): Controller[] =>
  nativeClamp === undefined ? [] : [createNativePoliciesController({ ...deps, ...nativeClamp })];

const withSecretPaths =
  ({ webhookTarget }: OperatorOptions, paths: SecretPaths) =>
  async (signal: AbortSignal): Promise<WebhookTarget | undefined> => {
    const target = await webhookTarget(signal);
    return target && paths.at(target);
  };

const onDenied =
  (events: EventRecorder) =>
  ({ adapter, request: { object, namespace, user }, message: denial }: DeniedWrite): void => {
    const { name, uid } = object.metadata;
    const { group, version, kind } = adapter.descriptor.resource;
    const subject = { apiVersion: `${group}/${version}`, kind, namespace, name, uid };
    const message = `by ${user.name}: ${denial}`;
    const reason = 'RevisionDenied' satisfies EventReason;
    events.record(subject, { type: 'Warning', reason, message });
  };

const onEdit =
  (events: EventRecorder) =>
  ({ kind, object }: Workload, edit: InPlaceEdit): void => {
    const { group, version, kind: name } = kind.adapter.descriptor.resource;
    events.record(
      { apiVersion: `${group}/${version}`, kind: name, ...keyOf(object), uid: object.metadata.uid },
      editEvent(edit),
    );
  };

const eventsOf = ({ client, scheduler, log, identity, metrics }: OperatorOptions): EventRecorder =>
  new EventRecorder({
    client,
    scheduler,
    log,
    component: 'altershield',
    instance: identity,
    ...(metrics === undefined ? {} : { observe: metrics.events }),
  });

async function runAll(controllers: readonly Controller[], signal: AbortSignal): Promise<void> {
  await Promise.all(controllers.map((controller) => controller.start(signal)));
}

const factoryRunnable = (informers: InformerFactory): Runnable => ({
  name: 'informers',
  start: (signal) => informers.start(signal),
  whenReady: (signal) => informers.whenSynced(signal),
});

function subjectOf({ metadata, spec }: ChangeObject) {
  const { apiVersion, kind, name, uid } = spec.target;
  return { apiVersion, kind, name, uid, namespace: metadata.namespace ?? '' };
}
