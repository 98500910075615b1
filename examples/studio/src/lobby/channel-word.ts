import type { ChannelState } from '@carillon/client';

/** How a channel is, in a word or two. */
export function channelWord({ status, code }: ChannelState): string {
  switch (status) {
    case 'live':
      return 'live';
    case 'replaying':
      return 'catching up';
    case 'failed':
      return `closed (${code ?? 'internal'})`;
    case 'idle':
      return 'not open';
    case 'waiting':
    case 'subscribing':
      return 'waiting';
  }
}
