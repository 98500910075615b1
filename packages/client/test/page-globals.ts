import { Window } from 'happy-dom';

/**
 * Gives the process a document, for React to render into. Imported before React is: it looks for one when it is loaded. The tests'
 * sockets and timers stay those of Node.
 */
const window = new Window();
Object.assign(globalThis, {
  window,
  document: window.document,
  MutationObserver: window.MutationObserver,
});
