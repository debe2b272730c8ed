// SPDX-License-Identifier: Apache-2.0
export { yielderFor } from './runtime/event-loop-yielder.ts';
export { DeadlineSignal } from './runtime/abort.ts';
export { realScheduler, sleep, type Scheduler, type Timer } from './runtime/scheduler.ts';
export { LruMap } from './events/lru-map.ts';
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
  isAlreadyExists,
  isConflict,
  isForbidden,
  isGone,
  isInvalid,
  isNamespaceEnding,
  isNotFound,
} from './errors/errors.ts';
export { type JsonPatchOp, type Patch } from './client/patch.ts';
export { type ClientObserver } from './client/rest-client.ts';
export { type ListPage } from './client/list.ts';
export { type WatchEvent } from './client/watch.ts';
export {
  Client,
  type DeleteOptions,
  type ListOptions,
  type PatchOptions,
  type ListSelector,
  type WatchOptions,
} from './client/client.ts';
export {
  ConfigError,
  fixedCredentials,
  impersonatedUser,
  impersonating,
  type ConnectionConfig,
  type Credentials,
} from './client/connection.ts';
export { withRetries, type RetryOptions } from './client/with-retries.ts';
export { loadKubeconfig, type KubeconfigOptions } from './client/kubeconfig.ts';
export { loadConfig, type InClusterOptions } from './client/in-cluster.ts';
export { createUndiciTransport, type UndiciTransportOptions } from './client/undici-transport.ts';
export { type InformerEvent } from './cache/cache-writer.ts';
export { Informer } from './cache/informer.ts';
export { type ReflectorStats } from './cache/reflector.ts';
export { InformerFactory, type SharedOptions } from './cache/factory.ts';
export { WriteThroughClient, type WriteClient } from './cache/write-through-client.ts';
export {
  formatLabelSelector,
  parseLabelSelector,
  type LabelSelector,
} from './cache/label-selector.ts';
export { isNewer } from './cache/resource-version.ts';
export { type IndexFunction } from './cache/store.ts';
export { WorkQueue } from './queue/work-queue.ts';
export {
  Controller,
  type ControllerMetrics,
  type MapFunc,
  type Reconcile,
  type ReconcileContext,
} from './controller/controller.ts';
export { type Result } from './controller/outcome.ts';
export { keyOfObject, keysOfController } from './controller/mappings.ts';

export {
  type AdmissionHandler,
  type AdmissionHandlers,
  type AdmissionRequest,
  type AdmissionResponse,
  type AdmissionUser,
  type Denied,
} from './webhook/admission.ts';
export { truncate, truncateBytes } from './webhook/truncate.ts';
export { type Address } from './webhook/listen.ts';
export { reviewAdmission, type ReviewOutcome } from './webhook/review.ts';
export { AdmissionServer } from './webhook/server.ts';
export { type CertificateSet } from './webhook/certificates/certificate-set.ts';
export { CertificateManager } from './webhook/certificates/certificate-manager.ts';
export { type Secret, type SecretClient } from './webhook/certificates/secret.ts';
export { LeaderElector, type LeaderElectorOptions } from './leader/elector.ts';
export { type Lease, type LeaseSpec } from './leader/lease.ts';
export { type EventSubject } from './events/event.ts';
export { EventRecorder } from './events/event-recorder.ts';
export { HealthServer, type HealthChecks } from './telemetry/health-server.ts';
export { type LogDestination } from './telemetry/log-stream.ts';
export { createLogger, type LogLevel } from './telemetry/logger.ts';
export { createMetrics, type Metrics, type MetricsOptions } from './telemetry/metrics.ts';
export { Manager, type ManagerOptions } from './manager/manager.ts';
export { serverRunnable, type Runnable, type RunnableGroup } from './manager/runnable.ts';
export { stopSignal, type SignalSource } from './manager/signals.ts';
export { whenAborted } from './manager/when-aborted.ts';
