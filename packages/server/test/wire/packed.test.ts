import { speakPacked } from './scene/bare-client.ts';

// What clients that speak JSON have of presence, channels and calls, those that speak MessagePack have too ([PACK1]).
speakPacked();
await import('./conformance.test.ts');
await import('./channels.test.ts');
