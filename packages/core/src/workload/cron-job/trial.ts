// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import * as z from 'zod';
import { sign, verify, type Signer } from '../../hold/signature.ts';
import { asJsonObject } from '../../json/json.ts';
import type { CreateWrite } from '../adapter.ts';
import { CRON_JOB } from './descriptor.ts';
import type { Job } from '../job/objects.ts';
import type { CronJob } from './objects.ts';

/** Content of the annotation `altershield.io/trial` of a trial Job. */
const trial = z.object({ v: z.literal(1), to: z.string().max(64), sequence: z.int() });

export type Trial = Omit<z.output<typeof trial>, 'v'>;

const ownerOf = ({ name, namespace = '' }: Pick<Job['metadata'], 'name' | 'namespace'>): string =>
  `trial/${namespace}/${name}`;

/** Of which change a Job is the trial run; undefined: of none. */
export function trialOf({ metadata }: Job, signer: Signer): Trial | undefined {
  const text = metadata.annotations?.[ANNOTATIONS.trial];
  if (text === undefined) return undefined;
  const opened = verify(text, ownerOf(metadata), signer);
  return opened.ok ? trial.safeParse(opened.value).data : undefined;
}

/** The longest name of a Job: its controller writes it into a label. */
const MAX_NAME = 63;

const nameOf = (cronJob: string, sequence: number): string => {
  const suffix = `-trial-${sequence}`;
  return `${cronJob.slice(0, MAX_NAME - suffix.length)}${suffix}`;
};

/**
 * The trial run of a change: a Job from the newest `jobTemplate`, as `kubectl create job --from`
 * makes it. The CronJob owns it but does not control it: the controller would count it as a run and
 * delete it by the history limits, which may be 0, before its end is seen. For the same reason it
 * has no `ttlSecondsAfterFinished`.
 */
export function createTrial(
  { metadata: { name: owner, namespace = '', uid }, spec: { jobTemplate } }: CronJob,
  { to, sequence }: Trial,
  signer: Signer,
): CreateWrite {
  const name = nameOf(owner, sequence);
  const { labels, annotations } = asJsonObject(jobTemplate['metadata']);
  const { ttlSecondsAfterFinished: _, ...spec } = asJsonObject(jobTemplate['spec']);
  const { group, version, kind } = CRON_JOB.resource;
  return {
    resource: 'Job',
    name,
    creates: {
      apiVersion: `${group}/${version}`,
      kind: 'Job',
      metadata: {
        ...{ name, namespace },
        ...(labels === undefined ? {} : { labels }),
        annotations: {
          ...asJsonObject(annotations),
          'cronjob.kubernetes.io/instantiate': 'manual',
          [ANNOTATIONS.trial]: sign({ v: 1, to, sequence }, ownerOf({ name, namespace }), signer),
        },
        ownerReferences: [{ apiVersion: `${group}/${version}`, kind, name: owner, uid }],
      },
      spec,
    },
  };
}
