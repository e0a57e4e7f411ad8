import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const raw = /#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(/gi

it('names every colour in one file', () => {
  const src = join(import.meta.dirname, '..')
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((f) => /\.(vue|css)$/.test(f) && f !== join('styles', 'tokens.css'))
  expect(files.length).toBeGreaterThan(30)
  const found = files.flatMap((f) => [...(readFileSync(join(src, f), 'utf8').split(/<style[^>]*>/).slice(f.endsWith('.css') ? 0 : 1).join().match(raw) ?? [])].map((c) => `${f}: ${c}`))
  expect(found).toEqual([])
})
