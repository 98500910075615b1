import { channelName } from '@carillon/protocol';
import { CarillonError } from '../carillon-error.ts';

export type Params = Readonly<Record<string, string>>;

/** @throws CarillonError `channel_invalid` where a parameter cannot stand in a name */
export function nameOf(pattern: string, params: Params = {}): string {
  const result = channelName(pattern, params);
  if (!result.ok) throw new CarillonError('channel_invalid', result.detail);
  return result.name;
}
