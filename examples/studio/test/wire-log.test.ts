import { describe, expect, it } from 'vitest';
import { wireEntry, wireLine } from '../src/wire/wire-entry.ts';
import { createWireLog } from '../src/wire/wire-log.ts';

describe('an entry', () => {
  it('is as large as its UTF-8, not as its characters', () => {
    const entry = wireEntry(1, 0, 'down', '{"t":"u","id":"zoë","a":"☕🔔"}');
    expect(entry.type).toBe('u');
    expect(entry.bytes).toBe(35);
  });

  it('shows too little of a login token and a resume token to use them, and their true size', () => {
    const text =
      '{"t":"login","username":"alice","token":"eyJhbGciOiJIUzI1NiJ9.e30.c2ln","resume":"1.0123456789abcdef"}';
    const entry = wireEntry(1, 0, 'up', text);
    expect(entry.text).toBe('{"t":"login","username":"alice","token":"eyJhbG…","resume":"1.0123…"}');
    expect(entry.bytes).toBe(text.length);
  });

  it('leaves every other text byte for byte as it was', () => {
    const text = '{ "t":"u", "id":"bob",  "a":"a token of love" }';
    expect(wireEntry(1, 0, 'down', text).text).toBe(text);
  });

  it.each(['', 'noise', '[1]', 'null', '{"t":7}', '{}'])('of type ? is shown as it came: %j', (text) => {
    expect(wireEntry(1, 0, 'down', text)).toMatchObject({ type: '?', text });
  });

  it('is one line when copied', () => {
    const at = Date.UTC(2026, 2, 1, 9, 5, 7, 42);
    expect(wireLine(wireEntry(1, at, 'up', '{"t":"hb"}'))).toBe('09:05:07.042 → hb 10 B {"t":"hb"}');
  });
});

describe('the log', () => {
  it('keeps the newest messages, and counts them all', () => {
    const log = createWireLog(3);
    for (let i = 1; i <= 5; i++) log.add(i, i % 2 ? 'up' : 'down', `{"t":"u","id":"${i}"}`);
    expect(log.shown.value.map((entry) => entry.number)).toEqual([3, 4, 5]);
    expect(log.up.value).toEqual({ messages: 3, bytes: 54 });
    expect(log.down.value).toEqual({ messages: 2, bytes: 36 });
  });

  it('hides heartbeats until asked, and says how many', () => {
    const log = createWireLog();
    log.add(1, 'down', '{"t":"hb","at":1}');
    log.add(2, 'up', '{"t":"hb"}');
    log.add(3, 'down', '{"t":"x","id":"bob"}');
    expect(log.shown.value.map((entry) => entry.type)).toEqual(['x']);
    expect(log.hiddenHeartbeats.value).toBe(2);
    log.withHeartbeats.value = true;
    expect(log.shown.value.map((entry) => entry.type)).toEqual(['hb', 'hb', 'x']);
    expect(log.hiddenHeartbeats.value).toBe(0);
  });

  it('stands still while paused, goes on counting, and shows what came meanwhile afterwards', () => {
    const log = createWireLog();
    log.add(1, 'down', '{"t":"o","id":"bob","s":"Online"}');
    log.setPaused(true);
    log.add(2, 'down', '{"t":"x","id":"bob"}');
    expect(log.isPaused.value).toBe(true);
    expect(log.shown.value.map((entry) => entry.type)).toEqual(['o']);
    expect(log.down.value.messages).toBe(2);
    log.setPaused(false);
    expect(log.shown.value.map((entry) => entry.type)).toEqual(['o', 'x']);
  });

  it('begins anew when cleared, paused or not', () => {
    const log = createWireLog();
    log.add(1, 'up', '{"t":"hb"}');
    log.setPaused(true);
    log.clear();
    expect(log.shown.value).toEqual([]);
    expect(log.up.value).toEqual({ messages: 0, bytes: 0 });
    log.setPaused(false);
    expect(log.kept.value).toEqual([]);
  });
});
