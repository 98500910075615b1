import { writeFileSync } from 'node:fs';
import { messagesSchema } from '../src/json-schema.ts';

// Run after a message changed: node packages/protocol/scripts/write-schema.ts
const file = new URL('../schema/messages.schema.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(messagesSchema(), null, 2)}\n`);
