import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DOWN_SHAPES, RESERVED_FIELD_NAMES, UP_SHAPES, messagesSchema } from '../src/index.ts';

describe('the schema for other languages', () => {
  it('is the one the code would write', () => {
    const file = readFileSync(new URL('../schema/messages.schema.json', import.meta.url), 'utf8');
    expect(JSON.parse(file)).toEqual(messagesSchema());
  });

  it('has every message of either direction, each with its type as a constant', () => {
    const defs = messagesSchema()['$defs'] as Record<string, { properties?: { t: { const: string } } }>;
    for (const type of Object.keys(UP_SHAPES)) expect(defs[`up.${type}`]?.properties?.t.const).toBe(type);
    for (const type of Object.keys(DOWN_SHAPES)) expect(defs[`down.${type}`]?.properties?.t.const).toBe(type);
  });

  it('[PRE7] no presence field can be configured by a name that a message uses for something else', () => {
    for (const shape of [...Object.values(UP_SHAPES), ...Object.values(DOWN_SHAPES)]) {
      for (const name of Object.keys(shape.fields)) {
        if (!['a', 'p', 'l'].includes(name)) expect(RESERVED_FIELD_NAMES, name).toContain(name);
      }
    }
  });
});
