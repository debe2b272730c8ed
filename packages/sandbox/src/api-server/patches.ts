// SPDX-License-Identifier: Apache-2.0
import { isJsonObject, asJsonObject, text, type Json, type StoredObject } from '../json.ts';
import { applyConfig } from './apply.ts';
import type { WriteCall } from './call.ts';
import { StatusError, badRequest } from './failure.ts';
import { applyJsonPatch } from './json-patch.ts';
import { applyMergePatch, applyStrategicPatch } from './merge-patch.ts';
import { parseAny } from './request.ts';
import { scaleOf } from './scale.ts';

export type PatchFormat = 'json' | 'merge' | 'strategic' | 'apply';

const FORMATS: Readonly<Record<string, PatchFormat>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

/** Which patch a content type announces; strategic merges are for built-in kinds only. */
export function patchFormat(contentType: string, isCustom: boolean): PatchFormat {
  const format = FORMATS[contentType.split(';')[0]?.trim() ?? ''];
  if (format === undefined || (format === 'strategic' && isCustom)) {
    const accepted = Object.keys(FORMATS)
      .filter((type) => !isCustom || FORMATS[type] !== 'strategic')
      .join(', ');
    throw new StatusError({
      code: 415,
      reason: 'UnsupportedMediaType',
      message: `the body of the request was in an unknown format - accepted media types include: ${accepted}`,
    });
  }
  return format;
}

export interface ParsedPatch {
  readonly format: PatchFormat;
  readonly body: unknown;
  readonly force: boolean;
}

export const parsePatch = (format: PatchFormat, body: string, force: boolean): ParsedPatch => {
  const parsed = parseAny(body);
  if (format !== 'json' && !isJsonObject(parsed)) throw badRequest('the patch must be an object');
  return { format, body: parsed, force };
};

/** The result of a patch on an object or its scale. */
export function patched(call: WriteCall, current: StoredObject, patch: ParsedPatch): Json {
  const document: Json = call.subresource === 'scale' ? scaleOf(call.definition, current) : current;
  switch (patch.format) {
    case 'json':
      return applyJsonPatch(document, patch.body);
    case 'merge':
      return applyMergePatch(document, asJsonObject(patch.body));
    case 'strategic':
      return applyStrategicPatch(document, asJsonObject(patch.body));
    case 'apply':
      return applied(call, current, patch);
  }
}

function applied(call: WriteCall, current: StoredObject, patch: ParsedPatch): Json {
  const config = asJsonObject(patch.body);
  const by = { manager: call.fieldManager, force: patch.force };
  const merged = applyConfig(current, config, by);
  const lock = text(asJsonObject(config['metadata'])['resourceVersion']);
  return lock === ''
    ? merged
    : { ...merged, metadata: { ...asJsonObject(merged['metadata']), resourceVersion: lock } };
}
