// The gallery is for those who build the panel: it draws every page, and is no part of the product.
import { resolve } from 'node:path'

import { build } from 'vite'
import { describe, expect, it } from 'vitest'

import { scenarios } from './scenarios'

interface Piece {
  fileName: string
  moduleIds?: string[]
}

describe('the gallery', () => {
  it('is not in the product', async () => {
    const built = (await build({ root: resolve(import.meta.dirname, '..'), logLevel: 'error', build: { write: false, minify: false } })) as unknown as { output: Piece[] }
    const modules = built.output.flatMap((p) => p.moduleIds ?? [])
    expect(modules.filter((m) => m.includes('/src/')).length).toBeGreaterThan(20)
    expect(modules.filter((m) => m.includes('/gallery/'))).toEqual([])
    expect(built.output.map((p) => p.fileName).filter((f) => f.includes('gallery'))).toEqual([])
  }, 60_000)

  it('names each scenario once', () => {
    const names = scenarios.map((s) => s.name)
    expect(names.filter((n, i) => names.indexOf(n) !== i || !/^[a-z0-9-]+$/.test(n))).toEqual([])
  })
})
