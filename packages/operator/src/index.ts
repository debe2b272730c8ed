// SPDX-License-Identifier: Apache-2.0
/** Entry points: one replica of the operator, with or without its HTTP servers. */
export { createOperator, type Operator, type OperatorOptions } from './operator.ts';
export { serve } from './start/serve.ts';
export type { Config } from './start/config.ts';
export {
  createChangeSeries,
  type ChangeSeries,
  type ChangeStates,
} from './telemetry/change-series.ts';
