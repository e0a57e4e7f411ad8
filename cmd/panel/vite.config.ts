import { fileURLToPath, URL } from 'node:url'

import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

// The server that `npm run dev` forwards to; vite itself serves the pages.
const server = process.env.HOTLINE_SERVER ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [vue()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  define: {
    __VUE_OPTIONS_API__: 'true', // element-plus needs it
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_I18N_FULL_INSTALL__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
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
  },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.ts'],
    setupFiles: ['src/test/setup.ts'],
    server: { deps: { inline: ['element-plus'] } },
  },
})
