// SPDX-License-Identifier: Apache-2.0

/** Where lines go: each ends in a newline. */
export interface LogDestination {
  write(line: string): unknown;
}

type Fields = Readonly<Record<string, unknown>>;

const COLOURS: Readonly<Record<string, string>> = {
  debug: '\u001B[2m',
  info: '\u001B[36m',
  warn: '\u001B[33m',
  error: '\u001B[31m',
};
const RESET = '\u001B[0m';

/** Turns JSON lines into `12:00:01.234 info  message  key=value`, with colours if wanted. */
export function prettyDestination(out: LogDestination, colors: boolean): LogDestination {
  return { write: (line) => out.write(prettyLine(line, colors)) };
}

function prettyLine(line: string, colors: boolean): string {
  const fields = parse(line);
  if (fields === undefined) return line;
  const { time, level, msg, err, ...rest } = fields;
  const name = textOf(level);
  const label = colors ? `${COLOURS[name] ?? ''}${name.padEnd(5)}${RESET}` : name.padEnd(5);
  const pairs = Object.entries(rest).map(([key, value]) => `${key}=${textOf(value)}`);
  const head = [textOf(time).slice(11, 23), label, textOf(msg), ...pairs].join(' ');
  return `${head}${errorLines(err)}\n`;
}

function parse(line: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isFields(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function errorLines(err: unknown): string {
  if (err === undefined) return '';
  const text = isFields(err) ? textOf(err['stack'] ?? err['message']) : textOf(err);
  return `\n  ${text.replaceAll('\n', '\n  ')}`;
}

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

function textOf(value: unknown): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
