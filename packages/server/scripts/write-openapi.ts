import { writeFileSync } from 'node:fs';
import { openApiDocument } from '../src/gateways/http-api/openapi/document.ts';
import { apiRoutes } from '../src/gateways/http-api/routes.ts';

// Run after a route changed: node --conditions=carillon-source packages/server/scripts/write-openapi.ts
const file = new URL('../../../docs/openapi.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(openApiDocument(apiRoutes), null, 2)}\n`);
