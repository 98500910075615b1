import { KEPT_UNITS, KEPT_UPDATES } from '../../src/runtime/documents/compaction.ts';
import { UNFINISHED_MS, UPLOADS_AT_ONCE } from '../../src/runtime/documents/uploads.ts';
import { MAX_AWARENESS_UNITS, MAX_CLIENTS } from '../../src/core/document/awareness.ts';
import { MAX_NAMES } from '../../src/runtime/channels/subscribing.ts';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as protocol from '@carillon/protocol';
import { MAX_PACKED_DEPTH } from '@carillon/protocol';
import { IN_FLIGHT_BYTES } from '../../src/adapters/kafka/bringing.ts';
import { FRAMES_A_MESSAGE } from '../../src/gateways/yjs/foreign-socket.ts';
import { MAX_DOCUMENTS } from '../../src/gateways/yjs/hocuspocus-client.ts';
import { QUIET_MS } from '../../src/gateways/yjs/rounds.ts';
import { MAX_ENTRIES } from '../../src/gateways/yjs/y-messages.ts';
import { MOST_UNKEPT } from '../../src/gateways/yjs/y-websocket-client.ts';
import { LONGEST_DETAIL } from '../../src/adapters/kafka/dead-letters.ts';
import { FETCH_BYTES, PARTITION_BYTES } from '../../src/adapters/kafka/fetching.ts';
import { LONGEST_SPAN } from '../../src/adapters/kafka/held.ts';
import { MAX_RIGHT_MS } from '../../src/auth/authorize/answer.ts';
import { MAX_ANSWER_BYTES } from '../../src/auth/authorize/callback-authorizer.ts';
import {
  RULE_TIME_LIMIT_MS,
  RULES_AT_ONCE,
  RULES_WAITING,
} from '../../src/auth/authorize/rule-authorizer.ts';
import { HOOK_TIME_LIMIT_MS } from '../../src/auth/hook-authenticator.ts';
import {
  MAX_TOKEN_ID_LENGTH,
  MAX_USER_NAME_LENGTH,
  NOT_BEFORE_TOLERANCE_SECONDS,
} from '../../src/auth/jwt.ts';
import { MAX_KNOWN_NAMES, NAME_FRESH_MS } from '../../src/gateways/socketio/names.ts';
import { PACKETS_A_MESSAGE } from '../../src/gateways/socketio/socketio-gateway.ts';
import { KEY_FETCH_TIME_LIMIT_MS, MAX_KEY_SET_BYTES } from '../../src/auth/key-fetch.ts';
import { FETCH_BURST, FETCH_COOL_DOWN_MS, KEYS_FRESH_MS, KEYS_USABLE_MS } from '../../src/auth/key-set.ts';
import { MIN_SECRET_BYTES } from '../../src/auth/secret-authenticator.ts';
import { MAX_DETAIL_LENGTH, MAX_PAUSE_MS } from '../../src/adapters/sql/postgres/outbox-round.ts';
import { MAX_RUN, MAX_SUB_DOCUMENTS } from '../../src/adapters/yjs/struct-reader.ts';
import { MAX_EDITS } from '../../src/adapters/yjs/token-diff.ts';
import { MAX_TYPE_NESTING } from '../../src/adapters/yjs/type-nesting.ts';
import { MAX_VALUE_NESTING } from '../../src/adapters/yjs/update-bytes.ts';
import { OUTBOX_LANES } from '../../src/adapters/sql/postgres/outbox-schema.ts';
import { MAX_COUNTED } from '../../src/adapters/sql/postgres/outbox-sql.ts';
import { MAX_BULK_EVENTS } from '../../src/adapters/dapr/receiver.ts';
import { MIN_DAPR_TOKEN_LENGTH } from '../../src/config/feeds/dapr.ts';
import { MAX_EVENTS } from '../../src/gateways/http-api/event-schemas.ts';
import { MIN_API_KEY_LENGTH } from '../../src/config/schema.ts';
import { type Setting, settingList } from '../../src/config/setting-list.ts';
import { MAX_EVENT_ID_LENGTH, PUBLICATIONS_PER_EVENT } from '../../src/core/intake/mapped.ts';
import { MAX_QUEUED } from '../../src/core/session/admission.ts';
import { BAD_MESSAGE_COST, MAX_REFUSALS } from '../../src/core/session/message-rate.ts';
import { LEAST_LINE_COST } from '../../src/gate/door.ts';
import { MAX_LINE_MESSAGES } from '../../src/gate/line-request.ts';
import { MAX_OUT_OF_ORDER, ORDER_WAIT_MS } from '../../src/gate/upward.ts';
import { MAX_BATCH_REQUESTS } from '../../src/gateways/http-api/batch-route.ts';
import { EDGE_BATCH, MAX_LINE_LENGTH } from '../../src/gateways/http-api/edge-stream.ts';
import { MAX_PRESENCE_USERS } from '../../src/gateways/http-api/presence-routes.ts';
import { DEFAULT_RIGHT_TTL_MS } from '../../src/gateways/http-api/subscription-routes.ts';
import { DEFAULT_STATUS_TTL_MS } from '../../src/gateways/http-api/user-routes.ts';
import { MAX_REVOCATIONS } from '../../src/core/session/revocation-list.ts';
import { MIN_SIGNING_SECRET_BYTES } from '../../src/outbound/signature.ts';
import { FIRST_RETRY_MS, LONGEST_RETRY_MS } from '../../src/webhooks/deliveries.ts';
import { PROBE_TIME_LIMIT_MS } from '../../src/ops/readiness.ts';
import { TICKET_CHECK_MS } from '../../src/gateways/sse/ticket-streams.ts';
import { TICKET_USE_MS } from '../../src/runtime/channels/tickets.ts';
import { EDITS_PER_REQUEST } from '../../src/runtime/documents/documents-api.ts';
import { SCHEMA_TIME_LIMIT_MS } from '../../src/runtime/channels/validating.ts';
import { tableAfter } from './markdown-table.ts';

const page = (name: string): string =>
  readFileSync(new URL(`../../../../docs/${name}`, import.meta.url), 'utf8');

function initialOf({ initial }: Setting): string {
  if (initial === undefined) return '';
  return `\`${typeof initial === 'object' ? initial.join(',') || '(none)' : initial}\``;
}

describe('docs/configuration.md', () => {
  it('lists every setting with its variable, its default and what it is for', () => {
    expect(tableAfter(page('configuration.md'), '## Settings')).toEqual(
      settingList().map((setting) => [
        `\`${setting.name}\``,
        setting.env === null ? '' : `\`${setting.env}\``,
        initialOf(setting),
        setting.about,
      ]),
    );
  });
});

describe('docs/limits.md', () => {
  it('lists every limit that can be moved, and how far', () => {
    expect(tableAfter(page('limits.md'), '## Limits that can be moved')).toEqual(
      settingList()
        .filter(({ name }) => name.startsWith('limits.'))
        .map(({ name, initial, min, max, about }) => [
          `\`${name}\``,
          String(initial),
          `${min} to ${max}`,
          about,
        ]),
    );
  });

  it('states the fixed limits as they are in the code', () => {
    const fixed: Readonly<Record<string, number>> = {
      'user id': protocol.MAX_USER_ID_LENGTH,
      'device name': protocol.MAX_DEVICE_LENGTH,
      'login token': protocol.MAX_LOGIN_TOKEN_LENGTH,
      'resume token': protocol.MAX_RESUME_TOKEN_LENGTH,
      'messages of a line': MAX_LINE_MESSAGES,
      'cost of a line request': LEAST_LINE_COST,
      'wait for what was overtaken': ORDER_WAIT_MS,
      'requests that overtook another': MAX_OUT_OF_ORDER,
      'first use of a ticket': TICKET_USE_MS,
      'check of a ticket': TICKET_CHECK_MS,
      'presence value': protocol.MAX_PRESENCE_VALUE_LENGTH,
      'messages behind a login': MAX_QUEUED,
      'cost of a bad message': BAD_MESSAGE_COST,
      'refusals in a row': MAX_REFUSALS,
      secret: MIN_SECRET_BYTES,
      'API key': MIN_API_KEY_LENGTH,
      'tolerance of nbf': NOT_BEFORE_TOLERANCE_SECONDS,
      'authenticate hook': HOOK_TIME_LIMIT_MS,
      'key fetch': KEY_FETCH_TIME_LIMIT_MS,
      'key set': MAX_KEY_SET_BYTES,
      'age of keys': KEYS_FRESH_MS,
      'use of old keys': KEYS_USABLE_MS,
      'key fetches at once': FETCH_BURST,
      'key fetch cool-down': FETCH_COOL_DOWN_MS,
      'token id': MAX_TOKEN_ID_LENGTH,
      'name of a user': MAX_USER_NAME_LENGTH,
      'names that are remembered': MAX_KNOWN_NAMES,
      'age of a name': NAME_FRESH_MS,
      'packets of Socket.IO': PACKETS_A_MESSAGE,
      revocations: MAX_REVOCATIONS,
      'authorize rule': RULE_TIME_LIMIT_MS,
      'authorize rules at once': RULES_AT_ONCE,
      'authorize rules that wait': RULES_WAITING,
      schema: SCHEMA_TIME_LIMIT_MS,
      'right by a rule': MAX_RIGHT_MS,
      'answer of the callback': MAX_ANSWER_BYTES,
      'signing secret': MIN_SIGNING_SECRET_BYTES,
      'first retry of a webhook': FIRST_RETRY_MS,
      'longest retry of a webhook': LONGEST_RETRY_MS,
      'levels of MessagePack': MAX_PACKED_DEPTH,
      'import line': MAX_LINE_LENGTH,
      'import piece': EDGE_BATCH,
      'status time to live': DEFAULT_STATUS_TTL_MS,
      'publications of an event': PUBLICATIONS_PER_EVENT,
      'events of a request': MAX_EVENTS,
      "events of a sidecar's request": MAX_BULK_EVENTS,
      'token of Dapr': MIN_DAPR_TOKEN_LENGTH,
      'id of an event': MAX_EVENT_ID_LENGTH,
      'Kafka events in flight': IN_FLIGHT_BYTES,
      'Kafka events behind the oldest open': LONGEST_SPAN,
      'fetch from Kafka': FETCH_BYTES,
      'fetch of a partition': PARTITION_BYTES,
      'reason of a dead letter': LONGEST_DETAIL,
      'lanes of an outbox': OUTBOX_LANES,
      'pause of a lane': MAX_PAUSE_MS,
      'reason of a dead row': MAX_DETAIL_LENGTH,
      'rows that are counted': MAX_COUNTED,
      batch: MAX_BATCH_REQUESTS,
      'presence of many': MAX_PRESENCE_USERS,
      'right over HTTP': DEFAULT_RIGHT_TTL_MS,
      'readiness probe': PROBE_TIME_LIMIT_MS,
      'unkept of a client of Yjs': MOST_UNKEPT,
      'documents of a Hocuspocus socket': MAX_DOCUMENTS,
      'client ids of a foreign awareness message': MAX_ENTRIES,
      'frames of a client of Yjs for a message': FRAMES_A_MESSAGE,
      'quiet of a client of Yjs': QUIET_MS,
      'edits of a request': EDITS_PER_REQUEST,
      'updates behind a snapshot': KEPT_UPDATES,
      'size of updates behind a snapshot': KEPT_UNITS,
      'parts of an update': UNFINISHED_MS,
      'updates in parts at once': UPLOADS_AT_ONCE,
      'client ids of a session': MAX_NAMES,
      'client ids of a document': MAX_CLIENTS,
      'awareness of a document': MAX_AWARENESS_UNITS,
      'run of clocks in an update': MAX_RUN,
      'values in values of an update': MAX_VALUE_NESTING,
      'types in types of an update': MAX_TYPE_NESTING,
      'sub-documents of an update': MAX_SUB_DOCUMENTS,
      'edits of a comparison': MAX_EDITS,
    };
    const stated = tableAfter(page('limits.md'), '## Fixed limits').map(([name = '', value]) => [
      name,
      Number(value),
    ]);
    expect(Object.fromEntries(stated)).toEqual(fixed);
  });
});
