const KEY = 'carillon-studio-device';

/**
 * Names this tab, over its reloads. Two tabs stand for two devices here: each keeps what its person did offline in a queue of its own, as two
 * phones would; the tabs of an app would share one.
 */
export function deviceOf(storage: Pick<Storage, 'getItem' | 'setItem'>): string {
  const known = storage.getItem(KEY);
  if (known !== null) return known;
  const device = crypto.randomUUID();
  storage.setItem(KEY, device);
  return device;
}
