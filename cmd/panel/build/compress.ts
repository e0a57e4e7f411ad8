import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

import type { Plugin } from 'vite'

// What each browser takes: br over TLS and on this machine, gzip elsewhere too.
const ways = {
  '.br': (b: Buffer) => brotliCompressSync(b, { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } }),
  '.gz': (b: Buffer) => gzipSync(b, { level: constants.Z_BEST_COMPRESSION }),
}

// compress lays beside every asset its compressed forms, once for all who will ask, if that makes it smaller. The server
// (panel.go) picks by what the browser takes.
export function compress(): Plugin {
  return {
    name: 'hotline:compress',
    apply: 'build',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        for (const file of Object.values(bundle)) {
          if (!file.fileName.startsWith('assets/')) continue
          const whole = Buffer.from(file.type === 'chunk' ? file.code : file.source)
          for (const [suffix, pack] of Object.entries(ways)) {
            const source = pack(whole)
            if (source.length < whole.length) this.emitFile({ type: 'asset', fileName: file.fileName + suffix, source })
          }
        }
      },
    },
  }
}
