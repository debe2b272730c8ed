// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkloadSpec } from '@altershield/api';
import type { Template } from '../json/objects.ts';

type From = NonNullable<ChangeWorkloadSpec['from']>;

/** The content of a revision in a record, by the JSON pointer of its kind. */
export const keepContent = (revisionPath: string, template: Template): Pick<From, 'content'> => ({
  content: { [revisionPath]: template },
});

/** The content of a recorded revision. Records of earlier versions have it as `template`. */
export const contentOf = ({ content = {}, template = {} }: From): Template =>
  (Object.values(content)[0] as Template | undefined) ?? template;
