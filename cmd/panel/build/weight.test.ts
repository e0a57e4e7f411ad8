// How much a page makes a browser fetch. The panel is built here in memory, so that no older build is weighed.
import { fileURLToPath } from 'node:url'

import { build, type Rolldown } from 'vite'
import { beforeAll, describe, expect, it, vi } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const limits = { login: 80_000, seat: 250_000 } // bytes of script and style by gzip

// What is imported late on the way to a page, by its source; what those import themselves is found in the build.
const pages = {
  login: ['index.html', 'src/login/LoginPage.vue', 'src/locales/zh-CN/base.ts', 'src/locales/zh-CN/login.ts'],
  seat: [
    'index.html', 'src/shell/ShellFrame.vue', 'src/pages/SeatPage.vue', 'src/call/softphone.ts',
    ...['base', 'shell', 'call', 'seat', 'ticket'].map((p) => `src/locales/zh-CN/${p}.ts`),
  ],
}

// What those pages may fetch on other ways: other pages and parts of them, and other texts.
const elsewhere = [
  /^src\/(admin|board|login|seat|ticket)\/\w+Page\.vue$/, /^src\/pages\/\w+Page\.vue$/, /^src\/shell\/(ShellFrame|DeniedPage)\.vue$/, /^src\/board\/BoardAlerts\.ts$/, /^src\/ticket\/(TicketBeside|ClashNote)\.vue$/, /^src\/core\/ui\/KeyList\.vue$/,
  /^src\/locales\/(en|zh-CN)\/\w+\.ts$/, /^src\/call\/softphone\.ts$/,
]

type Output = Rolldown.RolldownOutput['output'][number]
let output: Output[]
beforeAll(async () => {
  vi.stubEnv('NODE_ENV', 'production') // vitest says 'test', which brings Vue's warnings
  const built = await build({ root, logLevel: 'error', build: { write: false } })
  output = (built as Rolldown.RolldownOutput).output
}, 120_000)

const called = (name: string): Output | undefined => output.find((o) => o.fileName === name)

function chunkOf(source: string): Rolldown.OutputChunk {
  const chunk = output.find((o) => o.type === 'chunk' && o.facadeModuleId === root + source)
  if (chunk?.type !== 'chunk') throw new Error(`${source} is no chunk of its own`)
  return chunk
}

// The names of a chunk's files, of all that it imports at once, and of their styles.
function files(chunk: Rolldown.OutputChunk, into: Set<string>): Set<string> {
  if (into.has(chunk.fileName)) return into
  into.add(chunk.fileName)
  chunk.viteMetadata?.importedCss.forEach((css) => into.add(css))
  for (const name of chunk.imports) {
    const next = called(name)
    if (next?.type === 'chunk') files(next, into)
  }
  return into
}

function weigh(sources: string[]): { file: string; bytes: number }[] {
  const all = new Set<string>()
  sources.forEach((s) => files(chunkOf(s), all))
  return [...all].map((file) => {
    const packed = called(`${file}.gz`) ?? called(file)
    if (!packed) throw new Error(`${file} is not in the build`)
    return { file, bytes: Buffer.byteLength(packed.type === 'chunk' ? packed.code : packed.source) }
  })
}

const modules = (sources: string[]): string[] => weigh(sources).flatMap(({ file }) => {
  const chunk = called(file)
  return chunk?.type === 'chunk' ? chunk.moduleIds : []
})

describe('the weight of a page', () => {
  it.each(['login', 'seat'] as const)('keeps %s within its limit', (page) => {
    const parts = weigh(pages[page]).sort((a, b) => b.bytes - a.bytes)
    const total = parts.reduce((sum, p) => sum + p.bytes, 0)
    console.log(`${page}: ${total} bytes in ${parts.length} files`)
    expect(total, parts.map((p) => `${p.bytes} ${p.file}`).join('\n')).toBeLessThanOrEqual(limits[page])
  })

  it('knows all that is fetched late', () => {
    const late = weigh(pages.seat).flatMap(({ file }) => {
      const chunk = called(file)
      return chunk?.type === 'chunk' ? chunk.dynamicImports : []
    })
    const sources = late.map((file) => (called(file) as Rolldown.OutputChunk).facadeModuleId?.replace(root, '') ?? file)
    expect(sources).toContain('src/call/softphone.ts')
    expect(sources.filter((s) => !elsewhere.some((e) => e.test(s)))).toEqual([])
  })

  it('keeps Element Plus and the telephone away from the login', () => {
    expect(modules(pages.login).filter((m) => /node_modules\/(element-plus|jssip|@popperjs)\//.test(m))).toEqual([])
  })

  it('brings the telephone only where it is asked for', () => {
    const late = pages.seat.filter((s) => s !== 'src/call/softphone.ts')
    expect(modules(late).filter((m) => m.includes('/jssip/'))).toEqual([])
  })

  it('lays both compressed forms beside every large asset', () => {
    const large = output.filter((o) => /\.(js|css)$/.test(o.fileName) && Buffer.byteLength(o.type === 'chunk' ? o.code : o.source) > 1000)
    expect(large.length).toBeGreaterThan(10)
    expect(large.filter((o) => !called(`${o.fileName}.br`) || !called(`${o.fileName}.gz`)).map((o) => o.fileName)).toEqual([])
  })
})
