/** What a WebSocket asks for that wants MessagePack (RFC 6455, section 1.9; [PACK1]). */
export const PACKED_SUBPROTOCOL = 'carillon.msgpack';

/** JSON by its name: what a WebSocket speaks that asks for nothing. */
export const JSON_SUBPROTOCOL = 'carillon.json';
