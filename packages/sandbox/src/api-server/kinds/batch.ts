// SPDX-License-Identifier: Apache-2.0
import { dig, asJsonObject, strings, text, type Json, type StoredObject } from '../../json.ts';
import type { KindRules } from '../definition.ts';
import { FIELD, type FieldProblem } from '../failure.ts';
import { validatePodSpec } from './pod-template.ts';
import { completeTemplate, differs, nonNegative } from './workload.ts';

/** Labels with which the API server ties the pods of a Job to it. */
function labelsOf({ metadata: { name, uid } }: StoredObject): Record<string, string> {
  return {
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  };
}

function completeJob(object: StoredObject): StoredObject {
  const spec = asJsonObject(object['spec']);
  const own = labelsOf(object);
  const selector = {
    matchLabels: { 'batch.kubernetes.io/controller-uid': object.metadata.uid },
  };
  const isWorkQueue = spec['completions'] === undefined && spec['parallelism'] !== undefined;
  return {
    ...object,
    metadata: { ...object.metadata, labels: { ...object.metadata.labels, ...own } },
    spec: {
      ...spec,
      parallelism: spec['parallelism'] ?? 1,
      ...(isWorkQueue ? {} : { completions: spec['completions'] ?? 1 }),
      backoffLimit: spec['backoffLimit'] ?? 6,
      completionMode: spec['completionMode'] ?? 'NonIndexed',
      manualSelector: false,
      podReplacementPolicy: spec['podReplacementPolicy'] ?? 'TerminatingOrFailed',
      selector,
      suspend: spec['suspend'] ?? false,
      template: labeled(completeTemplate(spec['template']), own),
    },
    status: object['status'] ?? {},
  };
}

function labeled(template: Json, labels: Record<string, string>): Json {
  const metadata = asJsonObject(template['metadata']);
  return {
    ...template,
    metadata: { ...metadata, labels: { ...strings(metadata['labels']), ...labels } },
  };
}

function validateRestarts(spec: unknown, at: string): FieldProblem[] {
  const policy = dig(spec, 'restartPolicy');
  return policy === 'OnFailure' || policy === 'Never'
    ? []
    : [FIELD.notSupported(`${at}.restartPolicy`, policy, ['OnFailure', 'Never'])];
}

/** The pods of a Job are of one template: what they run cannot change. */
export const jobRules: KindRules = {
  complete: completeJob,
  validate: (object, old) => {
    const spec = asJsonObject(object['spec']);
    const template = dig(spec, 'template', 'spec');
    return [
      ...nonNegative(spec, 'parallelism'),
      ...nonNegative(spec, 'backoffLimit'),
      ...validatePodSpec(template, 'spec.template.spec'),
      ...validateRestarts(template, 'spec.template.spec'),
      ...(old === undefined ? [] : validateFixed(object, old)),
    ];
  },
  bumpsGeneration: differs('spec'),
};

function validateFixed(object: StoredObject, old: StoredObject): FieldProblem[] {
  return ['completions', 'selector', 'template']
    .filter((field) => differs('spec', field)(object, old))
    .map((field) =>
      FIELD.invalid(`spec.${field}`, dig(object, 'spec', field), 'field is immutable'),
    );
}

export const cronJobRules: KindRules = {
  complete: (object) => {
    const spec = asJsonObject(object['spec']);
    const { metadata, spec: jobSpec } = asJsonObject(spec['jobTemplate']);
    const template = completeTemplate(dig(jobSpec, 'template'));
    return {
      ...object,
      spec: {
        ...spec,
        concurrencyPolicy: spec['concurrencyPolicy'] ?? 'Allow',
        failedJobsHistoryLimit: spec['failedJobsHistoryLimit'] ?? 1,
        successfulJobsHistoryLimit: spec['successfulJobsHistoryLimit'] ?? 3,
        suspend: spec['suspend'] ?? false,
        jobTemplate: {
          metadata: asJsonObject(metadata),
          spec: { ...asJsonObject(jobSpec), template },
        },
      },
      status: object['status'] ?? {},
    };
  },
  validate: (object) => {
    const spec = asJsonObject(object['spec']);
    const template = dig(spec, 'jobTemplate', 'spec', 'template', 'spec');
    const at = 'spec.jobTemplate.spec.template.spec';
    return [
      ...(text(spec['schedule']) === '' ? [FIELD.required('spec.schedule')] : []),
      ...validatePodSpec(template, at),
      ...validateRestarts(template, at),
    ];
  },
  bumpsGeneration: differs('spec'),
};
