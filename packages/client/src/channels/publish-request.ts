import type { CallCommand, PublishCommand } from '../core/channels/channel-events.ts';

/** What the app says of a publication beside its payload. */
export type PublishRequest = Omit<PublishCommand, 'type' | 'ticket' | 'data' | 'lane'> & {
  readonly durable?: boolean | undefined;
};

/** Publishes, or calls. What it is settled with is what the command says. @param make the command, with its ticket */
export type AskServer = <T>(make: (ticket: number) => PublishCommand | CallCommand) => {
  readonly settled: Promise<T>;
};
