import { describe, expect, it } from 'vitest';
import { HIDDEN, redact } from '../src/devtools/redact.ts';
import { MOST_OF_A_TEXT, type WireLogSettings, createWireLog } from '../src/devtools/wire-log.ts';

function logWith(settings: Partial<WireLogSettings> = {}) {
  const clock = { nowMs: 0 };
  const log = createWireLog({
    keepCount: 10,
    keepBytes: 10_000,
    nowMs: () => clock.nowMs,
    wallMs: () => 1_763_715_600_000 + clock.nowMs,
    ...settings,
  });
  return { log, clock };
}

describe('what the wire log keeps', () => {
  it.each([
    ['a login token', '{"t":"login","username":"alice","token":"SECRET","i":2}'],
    ['a resume token that goes up', '{"t":"login","username":"alice","token":"x","resume":"SECRET"}'],
    ['a resume token that comes down', '{"t":"token","token":"SECRET","session":"s_1"}'],
    ['a renewed login token', '{"t":"token","token":"SECRET","i":4}'],
    ['a grant that is named', '{"t":"sub","c":"chat:a","i":1,"g":"SECRET"}'],
    ['a grant or a ticket that is given', '{"t":"ok","i":1,"g":"SECRET","until":1}'],
    ['a grant of an invitation', '{"t":"sub","c":"chat:a","g":"SECRET"}'],
    ['a secret that is named twice', '{"t":"login","token":"SECRET","token":"SECRET2"}'],
    ['a secret that is no text', '{"t":"login","token":{"inner":"SECRET"}}'],
    ['a secret in one of several messages', '[{"t":"hb"},{"t":"token","token":"SECRET"}]'],
    ['a secret in what is no JSON', '{"t":"token","token":"SECRET"'],
  ])('has nothing of %s', (_what, text) => {
    const { log } = logWith();
    log.add('up', text);
    expect(JSON.stringify(log.entries)).not.toContain('SECRET');
    expect(log.entries[0]?.bytes, 'its size is that of the wire').toBe(text.length);
  });

  it('has payloads of the app as they are, whatever their fields are called', () => {
    const text = '{"t":"p","c":"chat:a","o":1,"d":{"token":"a word","g":7}}';
    expect(redact(text)).toMatchObject({ type: 'p', channel: 'chat:a', text });
    expect(redact('{"t":"ok","i":1,"g":"x"}').text).toBe(`{"t":"ok","i":1,"g":"${HIDDEN}"}`);
  });

  it('is so many messages, the oldest go', () => {
    const { log } = logWith({ keepCount: 3 });
    for (let i = 1; i <= 3; i++) log.add('down', '{"t":"hb"}');
    expect(log.entries.map(({ number }) => number)).toEqual([1, 2, 3]);
    log.add('down', '{"t":"hb"}');
    expect(log.entries.map(({ number }) => number)).toEqual([2, 3, 4]);
    expect(log.down).toEqual({ messages: 4, bytes: 40 });
  });

  it('is so many bytes, the oldest go', () => {
    const { log } = logWith({ keepBytes: 20 });
    log.add('down', '{"t":"hb"}');
    log.add('down', '{"t":"hb"}');
    expect(log.entries).toHaveLength(2);
    log.add('down', '{"t":"u"}');
    expect(log.entries.map(({ type }) => type)).toEqual(['hb', 'u']);
    log.add('down', '{"t":"läutet 🔔"}');
    expect(log.entries, 'counted as UTF-8').toHaveLength(1);
    log.clear();
    log.add('down', '{"t":"hb"}');
    log.add('down', '{"t":"hb"}');
    expect(log.entries, 'what was cleared takes no room').toHaveLength(2);
  });

  it('is the beginning of a long message', () => {
    const { log } = logWith({ keepBytes: 1_000_000 });
    const text = JSON.stringify({ t: 'p', d: 'x'.repeat(MOST_OF_A_TEXT) });
    log.add('down', text);
    const entry = log.entries[0]!;
    expect(entry.text).toMatch(/^\{"t":"p","d":"x+… \(\d+ characters more\)$/);
    expect([entry.bytes, entry.keptBytes]).toEqual([text.length, entry.text.length + 2]);
  });
});

describe('round trips', () => {
  it('belong to the request that they answer, and bring its channel along', () => {
    const { log, clock } = logWith();
    log.add('up', '{"t":"sub","c":"chat:a","i":1}');
    log.add('up', '{"t":"pub","c":"chat:b","i":3,"d":1}');
    clock.nowMs = 12;
    log.add('down', '{"t":"ok","i":3}');
    clock.nowMs = 30;
    log.add('down', '{"t":"err","i":1,"code":"forbidden","m":""}');
    expect(log.entries.slice(2)).toMatchObject([
      { channel: 'chat:b', answer: { type: 'pub', tripMs: 12 } },
      { channel: 'chat:a', answer: { type: 'sub', tripMs: 30 } },
    ]);
    expect(log.trips.seen()).toEqual({ lastMs: 30, medianMs: 30 });
  });

  it("are not made of the server's own calls, nor of its heartbeats", () => {
    const { log, clock } = logWith();
    log.add('up', '{"t":"call","n":"a","i":1}');
    log.add('down', '{"t":"call","n":"b","i":1}');
    log.add('up', '{"t":"ok","i":1}');
    log.add('down', '{"t":"hb"}');
    log.add('up', '{"t":"hb"}');
    expect(log.trips.seen()).toBeNull();
    expect(log.heartbeatAtMs).toBe(1_763_715_600_000);
    clock.nowMs = 5;
    log.add('down', '{"t":"ok","i":1}');
    expect(log.trips.seen()).toEqual({ lastMs: 5, medianMs: 5 });
  });

  it('[HB4] are made of a probe and its echo, whatever requests have the same number', () => {
    const { log, clock } = logWith();
    log.add('up', '{"t":"hb","q":7}');
    log.add('up', '{"t":"sub","c":"chat:a","i":7}');
    clock.nowMs = 4;
    log.add('down', '{"t":"hb","q":7}');
    clock.nowMs = 9;
    log.add('down', '{"t":"ok","i":7}');
    expect(log.entries.slice(2).map(({ answer }) => [answer?.type, answer?.tripMs])).toEqual([
      ['hb', 4],
      ['sub', 9],
    ]);
  });

  it('do not remember for ever what is never answered', () => {
    const { log } = logWith();
    log.add('up', '{"t":"sub","c":"chat:a","i":1}');
    for (let i = 1; i <= 1_000; i++) log.add('up', `{"t":"sub","c":"chat:a","i":${2 * i + 1}}`);
    log.add('down', '{"t":"ok","i":1}');
    expect(log.trips.seen()).toBeNull();
    log.add('down', '{"t":"ok","i":3}');
    expect(log.trips.seen()).not.toBeNull();
  });
});
