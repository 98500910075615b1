import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countedAddress, peerAddress, trustedProxies } from '../../src/gate/peer-address.ts';

const isTrusted = trustedProxies(['127.0.0.1', '10.0.0.0/8', 'fd00::/8']);

/** Nearly addresses, and sometimes one: pieces of them in any order. */
const addressLike = fc
  .array(
    fc.constantFrom(
      ':',
      '::',
      '%',
      '%25',
      'a',
      '0',
      'ffff',
      'fe80',
      '1.2.3.4',
      'eth0',
      '[',
      ']',
      ':80',
      ',',
      '\0',
    ),
    { maxLength: 8 },
  )
  .map((pieces) => pieces.join(''));

describe('the address of a peer', () => {
  it.each([
    ['IPv4', '203.0.113.7', '203.0.113.7'],
    ['IPv4 with a port', '203.0.113.7:51000', '203.0.113.7'],
    ['IPv4 over an IPv6 socket', '::ffff:203.0.113.7', '203.0.113.7'],
    ['the same in capitals', '::FFFF:203.0.113.7', '203.0.113.7'],
    ['the same in hexadecimal', '::ffff:cb00:7107', '203.0.113.7'],
    ['IPv6', '2001:db8::7', '2001:db8::7'],
    ['IPv6 written out', '2001:0DB8:0:0:0:0:0:0007', '2001:db8::7'],
    ['IPv6 in brackets', '[2001:db8::7]', '2001:db8::7'],
    ['IPv6 with a port', '[2001:db8::7]:51000', '2001:db8::7'],
    ['IPv6 with a zone', 'fe80::7%eth0', 'fe80::7'],
    ['IPv6 with a zone without end', `fe80::7%${'x'.repeat(10_000)}`, 'fe80::7'],
  ])('behind a proxy: %s', (_title, forwarded, expected) => {
    expect(peerAddress('127.0.0.1', forwarded, isTrusted)).toBe(expected);
  });

  it.each(['unknown', '_hidden', '1.2.3', '[1.2.3.4', '1.2.3.4]', 'example.org', '2001:db8::7:', ''])(
    'a proxy that names no address is the peer itself: %j',
    (forwarded) => {
      expect(peerAddress('127.0.0.1', forwarded, isTrusted)).toBe('127.0.0.1');
    },
  );

  it('a proxy is known in whatever form its address comes', () => {
    for (const proxy of ['::ffff:10.1.2.3', '::ffff:a01:203', '10.1.2.3:443', '[fd00::1]:443'])
      expect(peerAddress('::ffff:127.0.0.1', `203.0.113.7, ${proxy}`, isTrusted)).toBe('203.0.113.7');
  });

  it('what a client writes never throws, and never changes what the last proxy saw', () => {
    fc.assert(
      fc.property(fc.oneof(addressLike, fc.string({ maxLength: 20 })), (forged) => {
        expect(peerAddress('127.0.0.1', `${forged},203.0.113.7`, isTrusted)).toBe('203.0.113.7');
        expect(peerAddress('203.0.113.7', forged, isTrusted)).toBe('203.0.113.7');
        peerAddress('127.0.0.1', forged, isTrusted);
      }),
      { numRuns: 2_000 },
    );
  });

  it('of a socket that is gone is empty', () => {
    expect(peerAddress(undefined, '203.0.113.7', isTrusted)).toBe('');
  });
});

describe('what a limit per address counts', () => {
  it('is the whole address of IPv4', () => {
    expect(countedAddress('203.0.113.7')).not.toBe(countedAddress('203.0.113.8'));
  });

  it.each([
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', true],
    ['2001:db8:1:2::1', '2001:db8:1:2:3::', true],
    ['2001:db8::1', '2001:db8:0:0:1::', true],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
    ['2001:db8::1', '2001:db8:0:1::1', false],
    // One group is left out in the middle of the network's part.
    ['2001:db8::2:3:4:5:6', '2001:db8:0:2::', true],
    ['2001:db8::2:3:4:5:6', '2001:db8:2::', false],
    ['::1', '1::', false],
    ['::1', '::2', true],
  ])('is the network of 64 bits of IPv6: %s and %s are one: %s', (one, other, same) => {
    const counted = (address: string): string => countedAddress(peerAddress(address, undefined, isTrusted));
    expect(counted(one) === counted(other)).toBe(same);
  });

  it('is one for two IPv6 addresses exactly when their first four groups are equal', () => {
    const group = fc.constantFrom('0', '1', 'ab');
    const address = fc.array(group, { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(address, address, (one, other) => {
        const counted = (groups: readonly string[]): string =>
          countedAddress(peerAddress(groups.join(':'), undefined, isTrusted));
        const same = one.slice(0, 4).join(':') === other.slice(0, 4).join(':');
        expect(counted(one) === counted(other)).toBe(same);
        expect(counted(one)).toBe(counted([...one.slice(0, 4), ...other.slice(4)]));
      }),
      { numRuns: 2_000 },
    );
  });
});
