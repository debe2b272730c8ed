// SPDX-License-Identifier: Apache-2.0
import type { Actor, ChangeWorkloadSpec } from '@altershield/api';
import { shortHash } from '../json/canonical.ts';
import type { ObjectMeta, Template } from '../json/objects.ts';
import type { ValidPolicy } from '../policy/match.ts';
import { diffTemplates } from '../revision/diff.ts';
import { imagesOf } from '../revision/images.ts';
import { toolOfManager } from './detect.ts';
import { timeText } from './status.ts';

export interface BareChange {
  readonly object: {
    readonly apiVersion?: string;
    readonly kind?: string;
    readonly metadata: ObjectMeta;
  };
  /** JSON of its content before; undefined: it is new. */
  readonly from: string | undefined;
  readonly to: string;
  readonly actor: Actor;
  readonly policy: ValidPolicy;
  readonly sequence: number;
  readonly now: number;
}

/** Identifies the content of an object that no controller owns. */
export const bareFingerprint = shortHash;

/** The record of a change of an object that no controller owns: it is neither held nor judged. */
export function recordBare({ object, from, to, ...change }: BareChange): ChangeWorkloadSpec {
  const { apiVersion = '', kind = '', metadata } = object;
  const { actor, policy, sequence, now } = change;
  const operation = from === undefined ? 'Create' : 'Update';
  const fingerprint = bareFingerprint(to);
  return {
    target: { apiVersion, kind, name: metadata.name, uid: metadata.uid },
    ...{ sequence, operation, actor, policy },
    detectedBy: actor.stamped ? 'Admission' : 'Watch',
    detectedAt: timeText(now),
    cause: { tool: toolOfManager(actor.fieldManager ?? ''), action: operation },
    to: { fingerprint, quarantineKey: fingerprint, images: imagesOf(JSON.parse(to) as Template) },
    ...diffOf(from, to),
    release: { strategy: 'Rolling', enforced: false, reason: 'no controller owns the object' },
  };
}

function diffOf(
  from: string | undefined,
  to: string,
): Pick<ChangeWorkloadSpec, 'diff' | 'diffTruncated'> {
  if (from === undefined) return { diff: [] };
  const { differences, truncated } = diffTemplates(JSON.parse(from), JSON.parse(to));
  return { diff: differences, ...(truncated ? { diffTruncated: true } : {}) };
}
