// SPDX-License-Identifier: Apache-2.0
export { realScheduler, sleep, type Scheduler, type Timer } from './runtime/scheduler.ts';
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
  type Resource,
} from './client/object.ts';
export {
  KubeError,
  TerminalError,
  isAlreadyExists,
  isConflict,
  isForbidden,
  isGone,
  isInvalid,
  isNotFound,
  type ServerStatus,
} from './client/errors.ts';
