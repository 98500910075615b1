import { type Register, type RegisterWrite, UNDER_WAY_MS, createRegister } from './register.ts';

/** The parts of a device's state. */
export const PARTS = ['s', 'a', 'p', 'l'] as const;
export type Part = (typeof PARTS)[number];
export type Patch = Readonly<Partial<Record<Part, string>>>;

/** One device as its sessions describe it. */
export type Device = {
  readonly user: string;
  readonly name: string;
  readonly registers: Readonly<Record<Part, Register>>;
  /** The last time it changed for sure, and the last time it may have changed, ms. */
  changedMs: { least: number; most: number };
  lastWriteMs: number;
};

/** A patch on its way into a device. */
export type DeviceWrite = {
  readonly device: Device;
  readonly writes: readonly RegisterWrite[];
  readonly beganMs: number;
  /** Whether it surely changes something. */
  readonly effective: boolean;
};

/** Changes that come closer than this may be merged into one, or cancel each other out, ms. */
const MERGED_MS = 1_000;

/** @param sinceMs since when it may have been there: what was said of it may have come into effect long before the answer */
export function createDevice(
  nowMs: () => number,
  user: string,
  name: string,
  state: Patch,
  sinceMs = nowMs(),
): Device {
  const register = (part: Part): Register =>
    createRegister(nowMs, state[part] ?? (part === 's' ? 'Online' : ''));
  return {
    user,
    name,
    registers: { s: register('s'), a: register('a'), p: register('p'), l: register('l') },
    changedMs: { least: sinceMs, most: nowMs() + UNDER_WAY_MS },
    lastWriteMs: nowMs(),
  };
}

/** Somebody begins to write a patch; `settleWrite` says that it was made. */
export function beginWrite(device: Device, patch: Patch, by: object, nowMs: number): DeviceWrite {
  const writes: RegisterWrite[] = [];
  let effective = false;
  for (const part of PARTS) {
    const value = patch[part];
    if (value === undefined) continue;
    const before = device.registers[part].values();
    effective ||= !before.has(value);
    writes.push(device.registers[part].write(value, by));
  }
  if (writes.length > 0) {
    effective &&= nowMs - device.lastWriteMs > MERGED_MS;
    device.changedMs.most = nowMs + UNDER_WAY_MS;
    device.lastWriteMs = nowMs;
  }
  return { device, writes, beganMs: nowMs, effective };
}

/** The write was made, and will outlive the process. */
export function settleWrite({ device, writes, beganMs, effective }: DeviceWrite, nowMs: number): void {
  for (const write of writes) {
    write.certain = true;
    write.endedMs = nowMs;
  }
  if (effective) device.changedMs.least = Math.max(device.changedMs.least, beganMs);
  if (writes.length > 0 && device.lastWriteMs === beganMs) device.changedMs.most = nowMs;
}

/** The write was refused before anything came of it. */
export function voidWrite({ writes }: DeviceWrite): void {
  for (const write of writes) write.void = true;
}
