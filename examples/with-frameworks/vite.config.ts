import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import react from '@vitejs/plugin-react';
import vue from '@vitejs/plugin-vue';
import { defaultClientConditions, defineConfig } from 'vite';
import solid from 'vite-plugin-solid';

const page = (name: string): string => fileURLToPath(new URL(`${name}.html`, import.meta.url));

// Vite reads its configuration from a default export.
export default defineConfig({
  // The packages beside this one are used unbuilt, as everywhere in the repository.
  resolve: { conditions: ['carillon-source', ...defaultClientConditions] },
  // Two of them write JSX: each is told which files are its own.
  plugins: [
    react({ include: /\/react\/.*\.tsx$/ }),
    solid({ include: /\/solid\/.*\.tsx$/ }),
    svelte({ configFile: false }),
    vue(),
  ],
  build: {
    outDir: 'dist',
    // Nothing is inlined, so that the pages work under `default-src 'self'`.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: ['index', 'react', 'svelte', 'vue', 'solid'].map(page) },
  },
});
