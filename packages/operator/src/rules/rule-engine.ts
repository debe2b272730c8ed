// SPDX-License-Identifier: Apache-2.0
import type * as Cel from '@altershield/cel';
import type { Compiled, Declarations, RuleEnvironment } from '@altershield/cel';
import type { Rule, RuleEngine, RuleResult } from '@altershield/core';

/** The variables of rules, by when they are evaluated. Sizes are those that a cost is estimated for. */
const VARIABLES: Readonly<Record<Rule['when'], Declarations>> = {
  Pre: {
    object: { type: 'dyn' },
    oldObject: { type: 'dyn' },
    change: { type: 'map<string, dyn>' },
    now: { type: 'timestamp' },
  },
  During: {
    object: { type: 'dyn' },
    pods: { type: 'list<dyn>', assumedSize: 1000 },
    stable: { type: 'list<dyn>', assumedSize: 1000 },
    metrics: { type: 'map<string, double>' },
    change: { type: 'map<string, dyn>' },
    now: { type: 'timestamp' },
  },
};

const MAX_COMPILED = 1000;

/** Compiles each rule once. */
export function createRuleEngine({
  compile,
  createEnvironment,
}: Pick<typeof Cel, 'compile' | 'createEnvironment'>): RuleEngine {
  const environments = new Map<Rule['when'], RuleEnvironment>();
  const compiled = new Map<string, Compiled>();
  const environmentOf = (when: Rule['when']): RuleEnvironment => {
    const known = environments.get(when) ?? createEnvironment(VARIABLES[when]);
    environments.set(when, known);
    return known;
  };
  const programOf = ({ when, expression }: Rule): Compiled => {
    const key = `${when} ${expression}`;
    const known = compiled.get(key) ?? compile(expression, environmentOf(when));
    if (compiled.size >= MAX_COMPILED) compiled.clear();
    compiled.set(key, known);
    return known;
  };
  return {
    errorsIn(rule) {
      const result = programOf(rule);
      return result.ok ? [] : result.problems;
    },
    readsOf(rule) {
      const result = programOf(rule);
      return result.ok ? result.program.uses : new Set();
    },
    evaluate: (rule, variables) => resultOf(programOf(rule), variables),
  };
}

function resultOf(compiled: Compiled, variables: Readonly<Record<string, unknown>>): RuleResult {
  if (!compiled.ok) {
    const [error = { line: 1, column: 1, message: 'the rule does not compile' }] =
      compiled.problems;
    return { ok: false, error };
  }
  const result = compiled.program.evaluate(variables);
  return result.ok ? { ok: true, isTrue: result.value === true } : result;
}

/** Where rules come from: nothing is loaded while no policy has a rule. */
export interface Rules {
  /** The engine once it is loaded. */
  readonly engine: RuleEngine | undefined;
  /** Loads the engine if it is not loaded. */
  load(): Promise<RuleEngine>;
}

export class LazyRules implements Rules {
  #loading: Promise<RuleEngine> | undefined;
  #engine: RuleEngine | undefined;

  get engine(): RuleEngine | undefined {
    return this.#engine;
  }

  load(): Promise<RuleEngine> {
    this.#loading ??= import('@altershield/cel').then((cel) => {
      this.#engine = createRuleEngine(cel);
      return this.#engine;
    });
    return this.#loading;
  }
}

/** Whether the spec of a policy, valid or not, asks for rules. */
export function hasRules(spec: unknown): boolean {
  const { checks } = Object(spec) as { readonly checks?: unknown };
  const { rules } = Object(checks) as { readonly rules?: unknown };
  return Array.isArray(rules) && rules.length > 0;
}
