// SPDX-License-Identifier: Apache-2.0

export interface Blocks {
  /** The longest time between two turns of the event loop, milliseconds by the clock. */
  readonly wallMs: number;
  /** The most CPU that this thread used between two turns, milliseconds: what other processes took is not in it. */
  readonly cpuMs: number;
  /** Gaps of more than 15 ms of CPU. */
  readonly over15: number;
}

/** Asks the event loop for a turn every millisecond and notes how long it was kept waiting. */
export function startBlockMeter(): () => Blocks {
  let [wall, cpu] = [performance.now(), threadCpuMs()];
  let [wallMs, cpuMs, over15] = [0, 0, 0];
  const tick = (): void => {
    const [wallNow, cpuNow] = [performance.now(), threadCpuMs()];
    wallMs = Math.max(wallMs, wallNow - wall - 1);
    cpuMs = Math.max(cpuMs, cpuNow - cpu);
    if (cpuNow - cpu > 15) over15 += 1;
    [wall, cpu] = [wallNow, cpuNow];
    timer = setTimeout(tick, 1);
  };
  let timer = setTimeout(tick, 1);
  return () => {
    clearTimeout(timer);
    return { wallMs, cpuMs, over15 };
  };
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
