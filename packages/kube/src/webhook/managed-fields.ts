// SPDX-License-Identifier: Apache-2.0

const [QUOTE, COMMA, COLON, BACKSLASH] = [34, 44, 58, 92];
const [OPEN_LIST, OPEN_MAP, CLOSE_MAP] = [91, 123, 125];

/** From the first byte to the one after the last. */
type Span = readonly [from: number, to: number];

/** Where the members of interest are, from the outside in; each level may name several. */
const PATH = [['request'], ['object', 'oldObject'], ['metadata'], ['managedFields']] as const;

/**
 * The text of an AdmissionReview without the managed fields of its objects: half of its bytes, which
 * cost more to parse than all the rest to answer, and no handler reads them. Invalid JSON stays invalid:
 * only the inside of a removed list is not checked.
 */
export function textWithoutManagedFields(bytes: Buffer): string {
  let text = '';
  let from = 0;
  for (const [start, end] of spansOf(bytes)) {
    text += bytes.toString('utf8', from, start);
    from = end;
  }
  return text + bytes.toString('utf8', from);
}

function spansOf(bytes: Buffer): Span[] {
  const spans: Span[] = [];
  visit(bytes, bytes.indexOf(OPEN_MAP), 0, spans);
  return spans;
}

/** Walks the members of the map at `at`, goes into those of the path, and gives the position after it. */
function visit(bytes: Buffer, at: number, level: number, spans: Span[]): number {
  let i = at + 1;
  while (i < bytes.length && bytes[i] !== CLOSE_MAP) {
    const start = i;
    if (bytes[i] === COMMA) i += 1;
    const keyEnd = endOfString(bytes, i);
    if (bytes[i] !== QUOTE || bytes[keyEnd] !== COLON) return bytes.length;
    const value = keyEnd + 1;
    i = isWanted(bytes, [i + 1, keyEnd - 1], level)
      ? enter(bytes, { start, value, level }, spans)
      : endOfValue(bytes, value);
  }
  return i + 1;
}

function isWanted(bytes: Buffer, [from, to]: Span, level: number): boolean {
  return (PATH[level] ?? []).some(
    (key) => key.length === to - from && bytes.toString('latin1', from, to) === key,
  );
}

function enter(
  bytes: Buffer,
  {
    start,
    value,
    level,
  }: { readonly start: number; readonly value: number; readonly level: number },
  spans: Span[],
): number {
  const isLast = level === PATH.length - 1;
  if (!isLast) {
    return bytes[value] === OPEN_MAP
      ? visit(bytes, value, level + 1, spans)
      : endOfValue(bytes, value);
  }
  const end = endOfValue(bytes, value);
  // The first member of a map has no comma of its own to take along.
  if (bytes[start] === COMMA && bytes[value] === OPEN_LIST) spans.push([start, end]);
  return end;
}

/** The position after the string that starts at `at`. */
function endOfString(bytes: Buffer, at: number): number {
  let i = at + 1;
  let byte = bytes[i];
  while (byte !== QUOTE && byte !== undefined) {
    i += byte === BACKSLASH ? 2 : 1;
    byte = bytes[i];
  }
  return i + 1;
}

/** Makes `[` a `{` and `]` a `}`: the walk passes each byte of a review, so each test counts. */
const bracketOf = (byte: number): number => byte | 0x20;

/** The position after the value that starts at `at`. */
function endOfValue(bytes: Buffer, at: number): number {
  const byte = bytes[at] ?? COMMA;
  if (byte === QUOTE) return endOfString(bytes, at);
  return bracketOf(byte) === OPEN_MAP ? endOfNested(bytes, at) : endOfPlain(bytes, at);
}

function endOfNested(bytes: Buffer, at: number): number {
  let depth = 0;
  let i = at;
  let byte = bytes[i];
  while (byte !== undefined) {
    if (byte === QUOTE) i = endOfString(bytes, i) - 1;
    else if (bracketOf(byte) === OPEN_MAP) depth += 1;
    else if (bracketOf(byte) === CLOSE_MAP && --depth === 0) break;
    i += 1;
    byte = bytes[i];
  }
  return i + 1;
}

function endOfPlain(bytes: Buffer, at: number): number {
  let i = at;
  while (i < bytes.length && bytes[i] !== COMMA && bracketOf(bytes[i] ?? 0) !== CLOSE_MAP) i += 1;
  return i;
}
