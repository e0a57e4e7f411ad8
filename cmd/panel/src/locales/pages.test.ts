import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

import { expect, it } from 'vitest'

import { fetchTexts, parts, type Part, type Texts } from './texts'

const src = resolve(import.meta.dirname, '..')
const partOf = new Map<string, Part>() // whole keys and the trees above them
for (const part of parts) remember(await fetchTexts('zh-CN', part), part, '')

function remember(texts: Texts, part: Part, at: string): void {
  for (const [name, text] of Object.entries(texts)) {
    partOf.set(at + name, part)
    if (typeof text !== 'string') remember(text, part, `${at}${name}.`)
  }
}

function fileOf(from: string, name: string): string | null {
  if (!/^[.@]/.test(name) || name.startsWith('@element-plus')) return null
  const path = name.startsWith('@/') ? resolve(src, name.slice(2)) : resolve(dirname(from), name)
  return /\.(vue|css)$/.test(path) ? path : `${path}.ts`
}

// All that is fetched with a file: what it imports, but not types and not what is imported later.
function reach(file: string, into = new Set<string>()): Set<string> {
  if (file.endsWith('.css') || into.has(file)) return into
  into.add(file)
  for (const [, name] of readFileSync(file, 'utf8').matchAll(/^import (?!type )(?:[^'"]*? from )?'([^']+)'/gms)) {
    const next = fileOf(file, name ?? '')
    if (next) reach(next, into)
  }
  return into
}

// The parts whose keys stand in a file: 'call.hold', `state.${word}`; a problem's code may look like one.
function said(file: string): Part[] {
  const source = readFileSync(file, 'utf8')
  const keys = [...source.matchAll(/(?<![!=]== |Problem\(\d+, )['`]([a-zA-Z]+(?:\.\w+)*)(?:\.\$\{|['`])/g)].map((m) => m[1] ?? '')
  return keys.filter((k) => k.includes('.') || source.includes('`' + k + '.${')).flatMap((k) => partOf.get(k) ?? [])
}

const withTexts = /withTexts\(\(\) => import\('([^']+)'\)((?:, '\w+')*)\)/g

function pagesOf(file: string): { file: string; brings: Set<string> }[] {
  return [...readFileSync(file, 'utf8').matchAll(withTexts)].map(([, name, texts]) => ({
    file: fileOf(file, name ?? '') ?? '',
    brings: new Set<string>(['base', ...(texts ?? '').matchAll(/\w+/g)].map(String)),
  }))
}

const router = resolve(src, 'router.ts')
const late = resolve(src, 'shell/AppShell.vue')
const pages = [...pagesOf(router), ...pagesOf(late)]

it('knows all that is fetched late', () => {
  const imports = [router, late].flatMap((f) => [...readFileSync(f, 'utf8').matchAll(/\bimport\(/g)])
  expect(pages.length).toBe(imports.length)
})

// Every page but the login stands inside the shell.
const shell = pages.find((p) => p.file.endsWith('ShellFrame.vue'))
it.each(pages)('brings all texts that $file can say', ({ file, brings }) => {
  const there = new Set([...brings, ...(file.includes('/login/') ? [] : (shell?.brings ?? []))])
  const lacking = [...reach(file)].flatMap((f) => said(f).filter((p) => !there.has(p)).map((p) => `${p} in ${f}`))
  expect(lacking).toEqual([])
})
