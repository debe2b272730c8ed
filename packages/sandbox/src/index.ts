// SPDX-License-Identifier: Apache-2.0
export {
  ADMIN,
  createSandbox,
  Sandbox,
  type PodEvent,
  type PodSelection,
  type SandboxOptions,
} from './sandbox.ts';
export { type AccessRequest } from './api-server/access-review.ts';
export { ApiServer, type ApiResponse, type ApiServerOptions } from './api-server/api-server.ts';
export {
  type AdmissionAnswer,
  type AdmissionOptions,
  type AdmissionTransport,
  type MatchEvaluator,
  type MatchVariables,
} from './api-server/admission.ts';
export { type MutatingPolicy, type PolicyAttributes } from './api-server/policy.ts';
export { type UserInfo } from './api-server/call.ts';
export { type KubernetesVersion } from './api-server/kubernetes-version.ts';
export { type StoreEvent } from './api-server/store.ts';
export { type Controller } from './controllers/controller.ts';
export {
  type PodScenario,
  type PodScenarioContext,
  type Step,
} from './controllers/pod-scenarios.ts';
export type * from './controllers/types.ts';
export { inProcessTransport, type InProcessOptions } from './transport/in-process.ts';
export {
  type CallFault,
  type CallInfo,
  type FaultPlan,
  type WatchFault,
  type WatchLineInfo,
} from './transport/faults.ts';
export { AcceleratedScheduler } from './scheduler/accelerated.ts';
export { seededRandom, type Random, type Span } from './scheduler/random.ts';
export { VirtualScheduler, type ChooseTask, type VirtualOptions } from './scheduler/virtual.ts';
