import { type Contract, DEFAULTS } from '@carillon/contract';
import { parsePattern } from '@carillon/protocol';
import * as z from 'zod';
import { emptyProblem, text } from './setting.ts';
import { socketIoSchema } from './socketio-settings.ts';

const clientsOf = (clients: string, path: string) =>
  z
    .strictObject({
      channel: text(
        `Which documents clients of ${clients} come to on \`${path}\`: a pattern of the contract with one parameter, the document's name; unless set, they are not let in.`,
        {},
        emptyProblem,
      ).optional(),
    })
    .prefault({});

/** Where clients enter that other projects made. */
export const gatewaysSchema = z.strictObject({
  yjs: clientsOf('y-websocket', '/yjs/{doc}'),
  hocuspocus: clientsOf('Hocuspocus', '/hocuspocus'),
  socketio: socketIoSchema,
});

/** Which document of the contract a name stands for. */
export type DocumentGateway = {
  readonly pattern: string;
  /** The one parameter of the pattern: the document's name. */
  readonly parameter: string;
  /** The largest update that such a document takes. */
  readonly updateBytes: number;
};

/** Null: such clients are not let in. */
export type GatewaysConfig = {
  readonly yjs: DocumentGateway | null;
  readonly hocuspocus: DocumentGateway | null;
};

const GATEWAYS = ['yjs', 'hocuspocus'] as const satisfies readonly (keyof GatewaysConfig)[];

/** What of the settings does not fit the contract. */
export function gatewaysProblem(
  gateways: z.output<typeof gatewaysSchema>,
  contract: Contract | undefined,
): { readonly gateway: keyof GatewaysConfig; readonly message: string } | undefined {
  for (const gateway of GATEWAYS) {
    const { channel } = gateways[gateway];
    if (channel === undefined) continue;
    const message = patternProblem(channel, contract);
    if (message !== undefined) return { gateway, message };
  }
  return undefined;
}

function patternProblem(channel: string, contract: Contract | undefined): string | undefined {
  const documents = Object.entries(contract?.channels ?? {}).filter(([, { kind }]) => kind === 'document');
  if (!documents.some(([pattern]) => pattern === channel)) {
    const known = documents.map(([pattern]) => pattern).join(', ');
    return `is no document of the contract (${known === '' ? 'which has none' : known})`;
  }
  const { parameters } = parsed(channel);
  return parameters.length === 1
    ? undefined
    : `has ${parameters.length} parameters: a name can stand for one only`;
}

export function toGateways(
  { yjs, hocuspocus }: z.output<typeof gatewaysSchema>,
  contract: Contract,
): GatewaysConfig {
  return { yjs: toGateway(yjs.channel, contract), hocuspocus: toGateway(hocuspocus.channel, contract) };
}

function toGateway(pattern: string | undefined, { channels }: Contract): DocumentGateway | null {
  const definition = pattern === undefined ? undefined : channels[pattern];
  if (pattern === undefined || definition?.kind !== 'document') return null;
  return {
    pattern,
    parameter: parsed(pattern).parameters[0] ?? '',
    updateBytes: definition.updateBytes ?? DEFAULTS.document.updateBytes,
  };
}

function parsed(pattern: string): { readonly parameters: readonly string[] } {
  const result = parsePattern(pattern);
  return result.ok ? result.parsed : { parameters: [] };
}
