import { channelName } from '@carillon/protocol';
import type { ChannelSpec } from '../../core/channel/channel-spec.ts';

/** Whether the right to a channel is a role: on the document that it is, or that it lies beside. */
export function isByRole({ kind, beside }: Pick<ChannelSpec, 'kind' | 'beside'>): boolean {
  return kind === 'document' || beside !== null;
}

/**
 * The document whose roles are the rights to a channel: a document itself, or what it lies beside.
 *
 * @returns undefined where no role says anything about it, or the document's name would be none (it is too long)
 */
export function documentOf(
  name: string,
  { kind, beside }: Pick<ChannelSpec, 'kind' | 'beside'>,
  params: Readonly<Record<string, string>>,
): string | undefined {
  if (kind === 'document') return name;
  if (beside === null) return undefined;
  const named = channelName(beside, params);
  return named.ok ? named.name : undefined;
}
