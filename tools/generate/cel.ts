// SPDX-License-Identifier: Apache-2.0

/** What the conformance test wrote, by section. */
export type CelFigures = Readonly<
  Record<
    string,
    { readonly passed: number; readonly leftOut: number; readonly failed: readonly string[] }
  >
>;

/** A row for each section of cel-spec's tests. */
export function conformanceTable(figures: CelFigures): string {
  const rows = Object.entries(figures)
    .filter(([, { passed, failed }]) => passed + failed.length > 0)
    .map(
      ([name, { passed, leftOut, failed }]) =>
        `| ${name} | ${passed} | ${leftOut} | ${failed.length} | ${names(failed)} |`,
    );
  return [
    '| Section | Pass | Left out | Fail | Which fail |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

const names = (failed: readonly string[]): string =>
  failed.map((name) => `\`${name}\``).join(', ') || '—';
