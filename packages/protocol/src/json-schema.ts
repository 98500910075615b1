import { DOWN_SHAPES } from './down.ts';
import type { FieldShape, MessageShape } from './shape.ts';
import { UP_SHAPES } from './up.ts';
import { PROTOCOL_VERSION } from './version.ts';

type Schema = { readonly [key: string]: unknown };

/**
 * Every message as JSON Schema (draft 2020-12), for clients in other languages. The file
 * `schema/messages.schema.json` is this function's output; a test keeps the two equal.
 */
export function messagesSchema(): Schema {
  const defs: Record<string, Schema> = {};
  for (const [type, shape] of Object.entries(UP_SHAPES)) defs[`up.${type}`] = objectSchema(shape);
  for (const [type, shape] of Object.entries(DOWN_SHAPES)) defs[`down.${type}`] = objectSchema(shape);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: `Carillon protocol, version ${PROTOCOL_VERSION}`,
    description:
      'Messages from the client are under $defs/up.*, messages from the server under $defs/down.*.',
    $defs: {
      up: { oneOf: Object.keys(UP_SHAPES).map((type) => ({ $ref: `#/$defs/up.${type}` })) },
      down: { oneOf: Object.keys(DOWN_SHAPES).map((type) => ({ $ref: `#/$defs/down.${type}` })) },
      ...defs,
    },
  };
}

function objectSchema(shape: MessageShape): Schema {
  const properties: Record<string, Schema> = {};
  const needed: string[] = [];
  for (const [name, field] of Object.entries(shape.fields)) {
    properties[name] = { ...fieldSchema(field.shape), description: field.about };
    if (!field.optional) needed.push(name);
  }
  return {
    type: 'object',
    description: shape.about,
    properties,
    required: needed,
    additionalProperties: true,
  };
}

function fieldSchema(shape: FieldShape): Schema {
  switch (shape.kind) {
    case 'literal':
      return { const: shape.value };
    case 'string':
      return {
        type: 'string',
        maxLength: shape.maxLength,
        ...(shape.minLength === undefined ? {} : { minLength: shape.minLength }),
      };
    case 'oneOf':
      return { enum: [...shape.values] };
    case 'integer':
      return { type: 'integer', minimum: shape.min, maximum: shape.max };
    case 'boolean':
      return { type: 'boolean' };
    case 'json':
      return {};
    case 'list':
      return { type: 'array', items: 'kind' in shape.of ? fieldSchema(shape.of) : objectSchema(shape.of) };
  }
}
