import { fileURLToPath, URL } from 'node:url'

import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

import { compress } from './build/compress.ts'

// The server that `npm run dev` forwards to; vite itself serves the pages.
const server = process.env.HOTLINE_SERVER ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [vue(), compress()],
  resolve: {
    alias: {
      '@': fileURLToPath(new URL('./src', import.meta.url)),
      '@ctrl/tinycolor': fileURLToPath(new URL('./build/no-colour.ts', import.meta.url)),
      'vue-i18n': 'vue-i18n/dist/vue-i18n.runtime.esm-bundler.js', // our texts need slots alone (lib/i18n.ts), not the compiler
    },
  },
  define: {
    __VUE_OPTIONS_API__: 'false', // of Element Plus, only the tree select needs it
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_I18N_FULL_INSTALL__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
    __INTLIFY_DROP_MESSAGE_COMPILER__: 'true',
  },
  server: {
    port: 5173,
    strictPort: true,
    proxy: {
      '/api': server,
      '/ws': { target: server, ws: true },
      '/sip': { target: server, ws: true },
    },
  },
  build: {
    target: 'chrome108', // office browsers of the last three years are Chromium under another name
    assetsInlineLimit: 0, // the policy of the server allows no data: script or style
    emptyOutDir: false, // dist/.gitkeep stays; `npm run build` removes old assets itself
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      output: {
        codeSplitting: {
          includeDependenciesRecursively: false, // Vue belongs to the entry
          groups: [{ name: 'element', test: /node_modules\/(element-plus|@element-plus|@popperjs|@vueuse|lodash-es)\//, minShareCount: 3 }],
        },
      },
    },
    modulePreload: { polyfill: false }, // every browser of the target has it
  },
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'src', environment: 'jsdom', include: ['src/**/*.test.ts', 'gallery/pages.test.ts'], setupFiles: ['src/test/setup.ts'], server: { deps: { inline: ['element-plus'] } } },
      },
      { extends: true, test: { name: 'build', environment: 'node', include: ['build/*.test.ts', 'gallery/gallery.test.ts'] } },
    ],
  },
})
