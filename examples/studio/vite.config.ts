import { defaultClientConditions, defineConfig } from 'vite';

// Vite reads its configuration from a default export.
export default defineConfig({
  // The packages beside this one are used unbuilt, as everywhere in the repository.
  resolve: { conditions: ['carillon-source', ...defaultClientConditions] },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: 'dist',
    // The browsers in which `light-dark()` works, so that the style sheets stay as they are written.
    target: ['chrome123', 'edge123', 'firefox120', 'safari17.5'],
    // Nothing is inlined, so that the page works under `default-src 'self'`.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
