// SPDX-License-Identifier: Apache-2.0
export { yielderFor } from './runtime/event-loop-yielder.ts';
export { DeadlineSignal } from './runtime/abort.ts';
export { realScheduler, sleep, type Scheduler, type Timer } from './runtime/scheduler.ts';
export { Latch } from './runtime/latch.ts';
export { silentLogger, type Logger, type LogFields } from './runtime/logger.ts';
export type { HttpRequest, HttpResponse, Transport } from './client/transport.ts';
export {
  RESOURCES,
  apiVersionOf,
  keyOf,
  keyString,
  parseKey,
  type KubeObject,
  type ObjectKey,
  type ObjectMeta,
  type OwnerReference,
  type APIResource,
} from './client/object.ts';
export {
  KubeError,
  TerminalError,
  isAlreadyExists,
  isConflict,
  isForbidden,
  isGone,
  isInvalid,
  isNamespaceEnding,
  isNotFound,
  type ServerStatus,
} from './errors/errors.ts';
export { type JsonPatchOp, type Patch } from './client/patch.ts';
export { type ClientCall, type ClientObserver } from './client/rest-client.ts';
export { type ListPage } from './client/list.ts';
export { type WatchEvent } from './client/watch.ts';
export { type DiscoveredResource, type DiscoveryQuery } from './client/discovery.ts';
export {
  Client,
  type CallOptions,
  type ClientDeps,
  type DeleteOptions,
  type ListOptions,
  type PatchOptions,
  type ListSelector,
  type WatchOptions,
  type WriteOptions,
} from './client/client.ts';
export {
  ConfigError,
  fixedCredentials,
  impersonatedUser,
  impersonating,
  type ClientCertificate,
  type ConnectionConfig,
  type CredentialSource,
  type Credentials,
} from './client/connection.ts';
export { withRetries, type RetryOptions } from './client/with-retries.ts';
export { loadKubeconfig, type KubeconfigOptions } from './client/kubeconfig.ts';
export { inClusterConfig, loadConfig, type InClusterOptions } from './client/in-cluster.ts';
export { createUndiciTransport, type UndiciTransportOptions } from './client/undici-transport.ts';
export { type InformerEvent } from './cache/cache-writer.ts';
export {
  Informer,
  type InformerHandler,
  type InformerOptions,
  type Unsubscribe,
} from './cache/informer.ts';
export { type ListWatchClient, type ReflectorStats } from './cache/reflector.ts';
export { InformerFactory, type InformerFactoryDeps, type SharedOptions } from './cache/factory.ts';
export { WriteThroughClient, type WriteClient } from './cache/write-through-client.ts';
export {
  formatLabelSelector,
  parseLabelSelector,
  type LabelSelector,
} from './cache/label-selector.ts';
export { isNewer } from './cache/resource-version.ts';
export { type IndexFunction } from './cache/store.ts';
export {
  LOW_PRIORITY,
  WorkQueue,
  type AddOptions,
  type QueueMetrics,
  type QueueOptions,
  type RateLimitOptions,
} from './queue/work-queue.ts';
export {
  Controller,
  type ControllerMetrics,
  type ControllerOptions,
  type MapFunc,
  type Reconcile,
  type ReconcileContext,
} from './controller/controller.ts';
export { type ReconcileResult, type Result } from './controller/outcome.ts';
export { keyOfObject, keysOfController } from './controller/mappings.ts';

export {
  type AdmissionHandler,
  type AdmissionHandlers,
  type AdmissionOperation,
  type AdmissionRequest,
  type AdmissionResponse,
  type AdmissionUser,
  type Allowed,
  type Denied,
  type GroupVersionKind,
  type GroupVersionResource,
} from './webhook/admission.ts';
export { truncate, truncateBytes } from './webhook/truncate.ts';
export { type Address } from './webhook/listen.ts';
export { reviewAdmission, type ReviewOutcome } from './webhook/review.ts';
export {
  AdmissionServer,
  type AdmissionObservation,
  type AdmissionServerOptions,
  type ServingCertificate,
} from './webhook/server.ts';
export { type CertificateSet } from './webhook/certificates/certificate-set.ts';
export {
  CertificateManager,
  type CertificateManagerOptions,
} from './webhook/certificates/certificate-manager.ts';
export { type Secret, type SecretClient } from './webhook/certificates/secret.ts';
export { LeaderElector, type LeaderElectorOptions } from './leader/elector.ts';
export { type Lease, type LeaseClient, type LeaseSpec } from './leader/lease.ts';
export { type CorrelatorLimits } from './events/correlator.ts';
export { type EventClient, type EventDetails, type EventSubject } from './events/event.ts';
export {
  EventRecorder,
  type EventOutcome,
  type EventRecorderOptions,
} from './events/event-recorder.ts';
export {
  HealthServer,
  type HealthCheck,
  type HealthChecks,
  type HealthServerOptions,
} from './telemetry/health-server.ts';
export { type LogDestination } from './telemetry/log-stream.ts';
export { createLogger, type LoggerOptions, type LogLevel } from './telemetry/logger.ts';
export { createMetrics, type Metrics, type MetricsOptions } from './telemetry/metrics.ts';
export { Manager, StopTimeout, type ManagerOptions } from './manager/manager.ts';
export { serverRunnable, type Runnable, type RunnableGroup } from './manager/runnable.ts';
export { stopSignal, type SignalSource } from './manager/signals.ts';
export { whenAborted } from './manager/when-aborted.ts';
