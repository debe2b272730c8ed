// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';

/** The kernel's USER_HZ, which is 100 on every common platform. */
const TICKS_PER_SECOND = 100;

/** CPU time of all threads of a process so far, seconds; NaN where there is no /proc. */
export function cpuOf(pid = 0): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name of the program, in parentheses, may hold blanks; utime and stime are the fields 14 and 15.
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
      .map(Number);
    return ((user ?? NaN) + (system ?? NaN)) / TICKS_PER_SECOND;
  } catch {
    return NaN;
  }
}
