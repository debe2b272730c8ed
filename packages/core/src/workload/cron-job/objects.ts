// SPDX-License-Identifier: Apache-2.0
import { asJsonObject } from '../../json/json.ts';
import type { ObjectMeta, Template } from '../../json/objects.ts';

/** The fields of CronJobs that decisions read. */
export interface CronJob {
  readonly metadata: ObjectMeta;
  readonly spec: { readonly suspend?: boolean; readonly jobTemplate: Template };
  readonly status?: {
    readonly lastScheduleTime?: string;
    readonly lastSuccessfulTime?: string;
  };
}

/** The pod template of a CronJob's `jobTemplate`. */
export const podTemplateOf = (jobTemplate: Template): Template =>
  asJsonObject(asJsonObject(jobTemplate['spec'])['template']);
