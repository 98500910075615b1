import { describe, expect, it } from 'vitest';
import { createLogger, type Logger } from '../../src/ops/logger.ts';

function bench(level: 'info' | 'silent' = 'info'): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  return { logger: createLogger(level, { write: (line) => void lines.push(line) }), lines };
}

const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl';

describe('logs', () => {
  it('are one JSON object a line, with the time', () => {
    const { logger, lines } = bench();
    logger.info({ url: 'http://127.0.0.1:1' }, 'listening');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 30,
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      url: 'http://127.0.0.1:1',
      msg: 'listening',
    });
  });

  it.each(['token', 'resume', 'authorization', 'apiKey', 'secret', 'password'])(
    'never hold a %s, wherever it stands',
    (field) => {
      const { logger, lines } = bench();
      logger.info({ [field]: 'hush-1', a: { [field]: 'hush-2', b: { [field]: 'hush-3' } } }, 'x');
      expect(lines.join('')).not.toContain('hush');
    },
  );

  it('never hold a JWT, whatever text it is in', () => {
    const { logger, lines } = bench();
    logger.warn({ error: `Error: cannot check ${JWT}!` }, `got ${JWT}`);
    expect(lines.join('')).not.toContain('eyJ');
    expect(lines.join('')).toContain('cannot check [token]!');
  });

  it('are silent when told so', () => {
    const { logger, lines } = bench('silent');
    logger.fatal('x');
    expect(lines).toEqual([]);
  });
});
