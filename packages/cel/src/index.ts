// SPDX-License-Identifier: Apache-2.0
/**
 * Rules in the Common Expression Language. `createEnvironment` declares variables, `compile` turns
 * an expression into a program or lists every problem, and a program evaluates within limits.
 */
export { compile, type CompileOptions, type Compiled } from './compile.ts';
export {
  createEnvironment,
  type Declarations,
  type RuleEnvironment,
  type VariableDeclaration,
  type VariableType,
} from './environment.ts';
export type { Problem } from './problems.ts';
export {
  DEFAULT_LIMITS,
  type Evaluation,
  type EvaluationProblem,
  type Limits,
  type Program,
} from './program.ts';
