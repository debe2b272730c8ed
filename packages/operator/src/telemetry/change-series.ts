// SPDX-License-Identifier: Apache-2.0
import { VERDICTS } from '@altershield/api';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Sample } from './change-state.ts';
import { OUTCOMES, type ChangeTransition, type CheckVerdict } from './change-transition.ts';

/** Called at each scrape for the values of the gauges. */
export interface ChangeStates {
  readonly inFlight: () => readonly Sample[];
  readonly waiting: () => readonly Sample[];
  readonly longestWaits: () => readonly Sample[];
  readonly quarantined: () => readonly Sample[];
  readonly policies: () => readonly Sample[];
}

export interface ChangeSeries {
  /** Initializes every counter of the namespace to 0. */
  openNamespace(namespace: string): void;
  detected(namespace: string, by: string): void;
  moved(namespace: string, transition: ChangeTransition): void;
  judged(verdict: CheckVerdict): void;
  acted(action: 'RollBack' | 'Suspend', seconds: number): void;
}

const DETECTED_BY = ['Admission', 'Watch'] as const;
const TRIGGERS = ['Automatic', 'User'] as const;
const ACTIONS = ['RollBack', 'Suspend'] as const;

const REACTION_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const RELEASE_SECONDS = [5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400];

/** Registers all series about changes. */
export function createChangeSeries(registry: Registry, states: ChangeStates): ChangeSeries {
  registerStates(registry, states);
  const counters = createCounters(registry);
  const { detected, outcomes, rollbacks, denied, verdicts } = counters;
  const { reaction, duration } = createHistograms(registry);
  const openNamespace = (namespace: string): void => {
    for (const detected_by of DETECTED_BY) detected.inc({ namespace, detected_by }, 0);
    for (const outcome of OUTCOMES) outcomes.inc({ namespace, outcome }, 0);
    for (const trigger of TRIGGERS) rollbacks.inc({ namespace, trigger }, 0);
    denied.inc({ namespace }, 0);
  };
  for (const verdict of VERDICTS.slice(2)) verdicts.inc({ check: 'podHealth', verdict }, 0);
  for (const action of ACTIONS) reaction.zero({ action });
  return {
    openNamespace,
    detected: (namespace, detected_by) => {
      openNamespace(namespace);
      detected.inc({ namespace, detected_by });
    },
    moved: (namespace, { outcome, durationSeconds, rollback, denied: writes }) => {
      if (outcome !== undefined) outcomes.inc({ namespace, outcome });
      if (outcome !== undefined && durationSeconds !== undefined) {
        duration.observe({ outcome }, durationSeconds);
      }
      if (rollback !== undefined) rollbacks.inc({ namespace, trigger: rollback });
      if (writes > 0) denied.inc({ namespace }, writes);
    },
    judged: ({ check, verdict }) => {
      verdicts.inc({ check, verdict });
    },
    acted: (action, seconds) => {
      reaction.observe({ action }, seconds);
    },
  };
}

function createCounters(registry: Registry) {
  const registers = [registry];
  return {
    detected: new Counter({
      name: 'altershield_changes_detected_total',
      help: 'Changes found, by Admission or Watch. Watch: admission did not see the write.',
      labelNames: ['namespace', 'detected_by'],
      registers,
    }),
    outcomes: new Counter({
      name: 'altershield_changes_total',
      help: `Changes that ended, by outcome: ${OUTCOMES.join(', ')}.`,
      labelNames: ['namespace', 'outcome'],
      registers,
    }),
    rollbacks: new Counter({
      name: 'altershield_rollbacks_total',
      help: 'Rollbacks begun, by trigger. Automatic: a check failed. User: a user asked for it.',
      labelNames: ['namespace', 'trigger'],
      registers,
    }),
    denied: new Counter({
      name: 'altershield_denied_writes_total',
      help: 'Writes that admission denied because they apply a quarantined revision.',
      labelNames: ['namespace'],
      registers,
    }),
    verdicts: new Counter({
      name: 'altershield_check_verdicts_total',
      help: 'Verdicts that checks reached on a batch.',
      labelNames: ['check', 'verdict'],
      registers,
    }),
  };
}

function createHistograms(registry: Registry) {
  const registers = [registry];
  return {
    reaction: new Histogram({
      name: 'altershield_evidence_to_action_seconds',
      help: 'Time from the event that shows a failure to the completed write that acts on it.',
      labelNames: ['action'],
      buckets: REACTION_SECONDS,
      registers,
    }),
    duration: new Histogram({
      name: 'altershield_change_duration_seconds',
      help: 'Time from the detection of a change to its end, by outcome.',
      labelNames: ['outcome'],
      buckets: RELEASE_SECONDS,
      registers,
    }),
  };
}

function registerStates(registry: Registry, states: ChangeStates): void {
  const gauge = (
    name: string,
    help: string,
    labelNames: readonly string[],
    read: () => readonly Sample[],
  ): void => {
    new Gauge({
      ...{ name, help, labelNames, registers: [registry] },
      collect() {
        this.reset();
        for (const { labels, value } of read()) this.set(labels, value);
      },
    });
  };
  gauge(
    'altershield_changes_in_flight',
    'Changes that have not ended.',
    ['namespace', 'kind', 'phase'],
    states.inFlight,
  );
  gauge(
    'altershield_changes_waiting',
    'Changes that go on only when a user decides.',
    ['namespace', 'reason'],
    states.waiting,
  );
  gauge(
    'altershield_change_waiting_seconds',
    'Longest time that a change has waited for a user.',
    ['namespace', 'reason'],
    states.longestWaits,
  );
  gauge(
    'altershield_quarantined_revisions',
    'Revisions that admission denies.',
    ['namespace'],
    states.quarantined,
  );
  gauge(
    'altershield_policies',
    'Policies by the reason of their condition Ready.',
    ['namespace', 'reason'],
    states.policies,
  );
}
