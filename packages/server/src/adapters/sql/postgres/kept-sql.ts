import { pgStatement } from './statement.ts';

/** Writes of many rows at once, each a statement. The arguments are arrays, one for each column. */

/** ids, users, devices, generations, hashes, earlier hashes, detached at */
export const putSessions = pgStatement(
  'put_sessions',
  `INSERT INTO sessions
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::bigint[])
    ON CONFLICT (id) DO UPDATE SET
      user_name = excluded.user_name, device = excluded.device, generation = excluded.generation,
      token_hash = excluded.token_hash, previous_token_hash = excluded.previous_token_hash,
      detached_at_ms = excluded.detached_at_ms`,
);

/** ids */
export const dropSessions = pgStatement('drop_sessions', 'DELETE FROM sessions WHERE id = ANY($1::text[])');

/** users, devices, status, fields, changed at, lease's ends */
export const putDevices = pgStatement(
  'put_devices',
  `INSERT INTO devices
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
    ON CONFLICT (user_name, device) DO UPDATE SET
      status = excluded.status, fields = excluded.fields, changed_at = excluded.changed_at,
      lease_expires_at_ms = excluded.lease_expires_at_ms`,
);

/** users, devices */
export const dropDevices = pgStatement(
  'drop_devices',
  `DELETE FROM devices USING unnest($1::text[], $2::text[]) AS gone(user_name, device)
    WHERE devices.user_name = gone.user_name AND devices.device = gone.device`,
);

/** steady time, wall time or null, stamp */
export const noteAlive = pgStatement(
  'note_alive',
  `UPDATE journal_state SET
    alive_at_ms = $1::bigint, alive_wall_ms = coalesce($2::bigint, alive_wall_ms), stamp = greatest(stamp, $3::bigint)`,
);

/** users, times. Moves none backwards. */
export const raiseLastSeen = pgStatement(
  'raise_last_seen',
  `UPDATE users SET last_seen_ms = seen.ms
    FROM unnest($1::text[], $2::bigint[]) AS seen(name, ms)
    WHERE users.name = seen.name AND (users.last_seen_ms IS NULL OR users.last_seen_ms < seen.ms)`,
);

/** nodes, numbers, ids, types, subjects, times */
export const putEvents = pgStatement(
  'put_events',
  `INSERT INTO webhook_events
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[])
    ON CONFLICT (node, number) DO UPDATE SET
      id = excluded.id, type = excluded.type, subject = excluded.subject, at_ms = excluded.at_ms`,
);

/** nodes, numbers */
export const dropEvents = pgStatement(
  'drop_events',
  `DELETE FROM webhook_events USING unnest($1::text[], $2::bigint[]) AS gone(node, number)
    WHERE webhook_events.node = gone.node AND webhook_events.number = gone.number`,
);

/** node */
export const clearEvents = pgStatement('clear_events', 'DELETE FROM webhook_events WHERE node = $1');

/** kinds, subjects, nodes */
export const markPresent = pgStatement(
  'mark_present',
  `INSERT INTO webhook_present SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
    ON CONFLICT (kind, subject) DO UPDATE SET node = excluded.node WHERE webhook_present.node <> excluded.node`,
);

/** kinds, subjects */
export const markGone = pgStatement(
  'mark_gone',
  `DELETE FROM webhook_present USING unnest($1::text[], $2::text[]) AS gone(kind, subject)
    WHERE webhook_present.kind = gone.kind AND webhook_present.subject = gone.subject`,
);

/**
 * node, dead node. The node's own numbers count up from 1; those it takes over come below all of them, in their order.
 */
export const adoptEvents = pgStatement(
  'adopt_events',
  `UPDATE webhook_events SET node = $1, number = adopted.number
    FROM (
      SELECT number AS was,
        (SELECT least(1, min(number)) FROM webhook_events WHERE node = $1) - 1
          - count(*) OVER () + row_number() OVER (ORDER BY number) AS number
      FROM webhook_events WHERE node = $2 AND node <> $1
    ) AS adopted
    WHERE webhook_events.node = $2 AND webhook_events.number = adopted.was`,
);

/** node, dead node */
export const adoptPresent = pgStatement(
  'adopt_present',
  'UPDATE webhook_present SET node = $1 WHERE node = $2',
);

/** time */
export const forgetUsers = pgStatement('forget_users', 'DELETE FROM revoked_users WHERE forget_at_ms <= $1');
export const forgetTokens = pgStatement(
  'forget_tokens',
  'DELETE FROM revoked_tokens WHERE forget_at_ms <= $1',
);

/** users, issued up to, forget at */
export const revokeUsers = pgStatement(
  'revoke_users',
  `INSERT INTO revoked_users AS before SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])
    ON CONFLICT (user_name) DO UPDATE SET
      issued_up_to_ms = greatest(before.issued_up_to_ms, excluded.issued_up_to_ms),
      forget_at_ms = greatest(before.forget_at_ms, excluded.forget_at_ms)`,
);

/** token ids, forget at */
export const revokeTokens = pgStatement(
  'revoke_tokens',
  `INSERT INTO revoked_tokens AS before SELECT * FROM unnest($1::text[], $2::bigint[])
    ON CONFLICT (token_id) DO UPDATE SET forget_at_ms = greatest(before.forget_at_ms, excluded.forget_at_ms)`,
);
