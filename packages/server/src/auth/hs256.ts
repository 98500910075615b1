import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import {
  decodeProtectedHeader,
  errors,
  type JWTClaimVerificationOptions,
  type JWTPayload,
  type ProtectedHeaderParameters,
  UnsecuredJWT,
} from 'jose';

/** The header under which `jose` checks claims alone, once the signature over them has been checked here. */
const CHECKED_HEADER = Buffer.from('{"alg":"none"}').toString('base64url');

/**
 * The claims of a token signed with HS256, and with nothing else (RFC 7515, section 5.2; RFC 7518, section 3.2).
 *
 * The signature is checked here and at once: `jose` would ask Web Crypto, which sends each token to another thread, and
 * that took longer than everything else about a login's token together. The claims are left to `jose`.
 *
 * @throws the errors of `jose`, as its `jwtVerify` would
 */
export function claimsSignedWith(
  secret: KeyObject,
  token: string,
  options: JWTClaimVerificationOptions,
): JWTPayload {
  const headerEnd = token.indexOf('.');
  const payloadEnd = token.indexOf('.', headerEnd + 1);
  if (headerEnd < 0 || payloadEnd < 0 || token.includes('.', payloadEnd + 1))
    throw new errors.JWSInvalid('not three parts');
  const { alg, crit } = headerOf(token);
  if (alg !== 'HS256') throw new errors.JOSEAlgNotAllowed('not HS256');
  if (crit !== undefined) throw new errors.JOSENotSupported('no extension of the header is known');
  // Compared as text: base64url has one way to write 32 bytes, and decoding would forgive others.
  const given = Buffer.from(token.slice(payloadEnd + 1));
  const expected = Buffer.from(
    createHmac('sha256', secret).update(token.slice(0, payloadEnd)).digest('base64url'),
  );
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw new errors.JWSSignatureVerificationFailed();
  const claims = `${CHECKED_HEADER}${token.slice(headerEnd, payloadEnd)}.`;
  return UnsecuredJWT.decode(claims, options).payload;
}

function headerOf(token: string): ProtectedHeaderParameters {
  try {
    return decodeProtectedHeader(token);
  } catch (cause) {
    throw new errors.JWSInvalid('its header is not a JSON object', { cause });
  }
}
