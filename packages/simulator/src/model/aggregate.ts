import { type Device, PARTS } from './devices.ts';

// The rules of PROTOCOL.md, [PRE4] and [PRE5], written down a second time: nothing of the server is asked.

/** What others may see of a user. */
export type View = { readonly s: string; readonly a: string; readonly p: string; readonly l: string };

export const GONE: View = { s: 'Offline', a: '', p: '', l: '' };

const ORDER = ['Offline', 'Away', 'Online', 'Busy'];

/** More combinations than this are not worth looking at: nothing definite would come of it. */
const MOST_COMBINATIONS = 3_000;

type DeviceView = { readonly view: View; readonly device: Device };

/**
 * Every view that a user's devices may add up to, given what each device may say.
 *
 * @returns null where too much is unknown
 */
export function possibleViews(devices: readonly Device[]): readonly View[] | null {
  let combinations: readonly (readonly DeviceView[])[] = [[]];
  for (const device of devices) {
    const states = deviceViews(device);
    if (combinations.length * states.length > MOST_COMBINATIONS) return null;
    combinations = combinations.flatMap((chosen) => states.map((view) => [...chosen, { view, device }]));
  }
  return combinations.flatMap(shownOf);
}

function deviceViews({ registers }: Device): readonly View[] {
  let views: View[] = [GONE];
  for (const part of PARTS)
    views = views.flatMap((view) =>
      [...registers[part].values()].map((value) => ({ ...view, [part]: value })),
    );
  return views;
}

/** One, unless devices that are equal in all else changed too close to each other. */
function shownOf(states: readonly DeviceView[]): readonly View[] {
  if (states.some(({ view }) => view.s === 'Invisible')) return [GONE];
  const visible = states.filter(({ view }) => view.s !== 'Offline');
  const best = visible.filter((one) => !visible.some((other) => outranks(other, one)));
  return best.length === 0 ? [GONE] : best.map(({ view }) => view);
}

/** For sure. */
function outranks(a: DeviceView, b: DeviceView): boolean {
  const rank = ORDER.indexOf(a.view.s) - ORDER.indexOf(b.view.s);
  if (rank !== 0) return rank > 0;
  const speaks = Number(saysWhat(a.view)) - Number(saysWhat(b.view));
  if (speaks !== 0) return speaks > 0;
  return a.device.changedMs.least > b.device.changedMs.most;
}

function saysWhat(view: View): boolean {
  return view.a !== '' || view.p !== '' || view.l !== '';
}
