import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** CPU time that a process has used so far in µs, all its threads together (proc(5): `schedstat`, in nanoseconds). */
export function cpuMicros(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const [running = '0'] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
    nanoseconds += Number(running);
  }
  return nanoseconds / 1000;
}

/** Memory of a process that is in RAM, in KB (proc(5): `VmRSS`). */
export function residentKb(pid: number): number {
  return statusKb(pid, 'VmRSS');
}

/** The most memory of a process that was in RAM since `resetPeak`, in KB (proc(5): `VmHWM`). */
export function peakResidentKb(pid: number): number {
  return statusKb(pid, 'VmHWM');
}

/** Begins the peak anew (proc(5): `clear_refs`). */
export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

function statusKb(pid: number, name: string): number {
  const kb = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(
    readFileSync(`/proc/${pid}/status`, 'utf8'),
  )?.[1];
  if (kb === undefined) throw new Error(`process ${pid} has no ${name}: it has ended`);
  return Number(kb);
}
