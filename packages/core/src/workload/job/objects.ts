// SPDX-License-Identifier: Apache-2.0
import type { RunView } from '../../check/run.ts';
import { asJsonObject } from '../../json/json.ts';
import type { Condition, ObjectMeta, Template } from '../../json/objects.ts';

/** The fields of Jobs that decisions read. */
export interface Job {
  readonly metadata: ObjectMeta;
  readonly spec?: {
    readonly suspend?: boolean;
    readonly parallelism?: number;
    readonly completions?: number;
    readonly managedBy?: string;
    readonly template?: Template;
  };
  readonly status?: {
    readonly active?: number;
    readonly ready?: number;
    readonly succeeded?: number;
    readonly failed?: number;
    readonly conditions?: readonly Condition[];
  };
}

export const isSuspended = ({ spec }: Job): boolean => spec?.suspend === true;

export const parallelismOf = ({ spec }: Job): number => spec?.parallelism ?? 1;

/** Labels that the API server adds to the pod template of a Job. */
const JOB_LABELS: ReadonlySet<string> = new Set([
  ...['controller-uid', 'job-name'],
  ...['batch.kubernetes.io/controller-uid', 'batch.kubernetes.io/job-name'],
]);

/** The pod template of a Job as its user wrote it. */
export function userTemplateOf({ spec }: Job): Template {
  const { metadata, ...template } = spec?.template ?? {};
  const { labels, ...others } = asJsonObject(metadata);
  const own = Object.entries(asJsonObject(labels)).filter(([name]) => !JOB_LABELS.has(name));
  const kept = own.length === 0 ? others : { ...others, labels: Object.fromEntries(own) };
  return { ...template, metadata: kept };
}

/** Fields of the pods that may change while a Job is suspended: a queue may set them, for example. */
const CHANGEABLE = ['nodeSelector', 'tolerations', 'affinity', 'schedulingGates', 'resources'];

/** What of the pod template never changes: what its pods run. */
export function fixedTemplateOf({ spec }: Job): Template {
  const { containers, initContainers, ...pod } = asJsonObject(spec?.template?.['spec']);
  return {
    spec: {
      ...without(pod, CHANGEABLE),
      ...(initContainers === undefined ? {} : { initContainers: withoutResources(initContainers) }),
      containers: withoutResources(containers),
    },
  };
}

const withoutResources = (containers: unknown): unknown[] =>
  Array.isArray(containers)
    ? containers.map((container) => without(asJsonObject(container), ['resources']))
    : [];

const without = (object: Template, fields: readonly string[]): Template =>
  Object.fromEntries(Object.entries(object).filter(([name]) => !fields.includes(name)));

const conditionOf = ({ status }: Job, type: string): Condition | undefined =>
  status?.conditions?.find((c) => c.type === type && c.status === 'True');

/** How far a Job is, as its controller says. */
export function viewRun(job: Job): RunView {
  const { name, creationTimestamp = '' } = job.metadata;
  const { reason = '', message = '' } = conditionOf(job, 'Failed') ?? {};
  return {
    name,
    createdAt: Date.parse(creationTimestamp) || 0,
    state: stateOf(job),
    message: [reason, message].filter((text) => text !== '').join(': '),
    hasStarted: hasStarted(job),
    succeeded: job.status?.succeeded ?? 0,
  };
}

function stateOf(job: Job): RunView['state'] {
  if (conditionOf(job, 'Failed') !== undefined) return 'Failed';
  return conditionOf(job, 'Complete') === undefined ? 'Active' : 'Succeeded';
}

const hasStarted = ({ status: { active = 0, succeeded = 0, failed = 0 } = {} }: Job): boolean =>
  active + succeeded + failed > 0;
