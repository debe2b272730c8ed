// SPDX-License-Identifier: Apache-2.0

const [QUOTE, COMMA, COLON, BACKSLASH] = [34, 44, 58, 92];
const [OPEN_LIST, CLOSE_LIST, OPEN_MAP, CLOSE_MAP] = [91, 93, 123, 125];

/** From the first byte to the one after the last. */
type Span = readonly [from: number, to: number];

/** Where the members of interest are, from the outside in; each level may name several. */
const PATH = [['request'], ['object', 'oldObject'], ['metadata'], ['managedFields']] as const;

/**
 * The text of an AdmissionReview without the managed fields of its objects: half of its bytes, which
 * cost more to parse than all the rest to answer, and no handler reads them. What is no JSON stays
 * none: only the inside of a list that is cut out is not looked at.
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
  while (i < bytes.length && bytes[i] !== QUOTE) i += bytes[i] === BACKSLASH ? 2 : 1;
  return i + 1;
}

const isOpening = (byte: number | undefined): boolean => byte === OPEN_MAP || byte === OPEN_LIST;
const isClosing = (byte: number | undefined): boolean => byte === CLOSE_MAP || byte === CLOSE_LIST;

/** The position after the value that starts at `at`. */
function endOfValue(bytes: Buffer, at: number): number {
  if (bytes[at] === QUOTE) return endOfString(bytes, at);
  return isOpening(bytes[at]) ? endOfNested(bytes, at) : endOfPlain(bytes, at);
}

function endOfNested(bytes: Buffer, at: number): number {
  let depth = 0;
  let i = at;
  do {
    const byte = bytes[i];
    if (byte === QUOTE) {
      i = endOfString(bytes, i);
      continue;
    }
    if (isOpening(byte)) depth += 1;
    else if (isClosing(byte)) depth -= 1;
    i += 1;
  } while (depth > 0 && i < bytes.length);
  return i;
}

function endOfPlain(bytes: Buffer, at: number): number {
  let i = at;
  while (i < bytes.length && bytes[i] !== COMMA && !isClosing(bytes[i])) i += 1;
  return i;
}
