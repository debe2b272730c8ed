// SPDX-License-Identifier: Apache-2.0
/** The wiring: one replica of the operator, with or without the parts that open ports. */
export { createOperator, type Operator, type OperatorOptions } from './operator.ts';
export { serve } from './serve.ts';
export type { Config } from './config.ts';
export {
  createChangeSeries,
  type ChangeSeries,
  type ChangeStates,
} from './telemetry/change-series.ts';
