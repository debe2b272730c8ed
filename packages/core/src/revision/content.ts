// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkloadSpec } from '@altershield/api';
import type { Template } from '../json/objects.ts';

type From = NonNullable<ChangeWorkloadSpec['from']>;

/** What makes up a revision, as a record keeps it: by the JSON pointer that its kind names. */
export const keepContent = (revisionPath: string, template: Template): Pick<From, 'content'> => ({
  content: { [revisionPath]: template },
});

/** The same as it was kept. Records of earlier versions have it as `template`. */
export const contentOf = ({ content = {}, template = {} }: From): Template =>
  (Object.values(content)[0] as Template | undefined) ?? template;
