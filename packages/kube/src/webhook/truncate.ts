// SPDX-License-Identifier: Apache-2.0

const MAX_WARNING = 256;
const MAX_WARNINGS_TOTAL = 4096;

/** At most `max` UTF-16 units, ending in an ellipsis where something was cut off. */
export function truncate(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${text.slice(0, max - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** At most `maxBytes` of UTF-8, ending in an ellipsis where something was cut off. */
export function truncateBytes(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  const bytes = Buffer.from(text);
  let end = maxBytes - Buffer.byteLength('…');
  // Bytes 10xxxxxx continue a character: step back to where the cut one starts.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return `${bytes.toString('utf8', 0, end)}…`;
}

/** One line each, within the limits of the API server: 256 each, 4096 together. */
export function boundedWarnings(warnings: readonly string[]): string[] {
  const kept: string[] = [];
  let left = MAX_WARNINGS_TOTAL;
  for (const warning of warnings) {
    const line = truncate(warning.replace(/\s*[\r\n]+\s*/g, ' '), MAX_WARNING);
    if (line.length > left) break;
    kept.push(line);
    left -= line.length;
  }
  return kept;
}
