// `make look`: draws every scenario of the gallery at three sizes in both languages, runs axe on each, and writes the pictures with
// an index into .look/. Ends with 1 when axe finds something, a scenario cannot be drawn, or anything scrolls sideways.
// ONLY="seat-" draws those whose names hold it; JOBS says how many pages at once.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, preview } from 'vite'

import { startBrowser } from '../e2e/stack.mjs'
import { ignored } from './ignored.mjs'

const panel = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const out = resolve(panel, '../../.look')
const sizes = [[1280, 720], [1440, 900], [1920, 1080]]
const langs = ['zh-CN', 'en']
const only = process.env.ONLY ?? ''
const jobs = Number(process.env.JOBS || Math.min(4, availableParallelism() + 1))
const patience = 40_000 // for one scenario in one language
const limit = 20 * 60_000 // for all
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

// A build of its own, with the warnings of development: what Vue and the languages complain of counts as trouble.
async function serve() {
  process.env.NODE_ENV = 'development'
  const outDir = join(out, 'site')
  await build({
    root: panel,
    mode: 'development',
    logLevel: 'warn',
    build: { outDir, emptyOutDir: true, minify: false, chunkSizeWarningLimit: 100_000, rollupOptions: { input: join(panel, 'gallery/index.html') } },
  })
  const server = await preview({ root: panel, logLevel: 'warn', build: { outDir }, preview: { host: '127.0.0.1', port: 4790, proxy: {} } })
  return { url: server.resolvedUrls.local[0], stop: () => server.close() }
}

/** In the page: what axe finds, and what is wider than its place. */
async function examine() {
  const rules = { 'label-content-name-mismatch': { enabled: true }, 'target-size': { enabled: true } }
  const { violations } = await window.axe.run(document, { iframes: false, resultTypes: ['violations'], rules })
  const sideways = [document.scrollingElement, ...document.querySelectorAll('body *')].filter((e) => {
    if (e.scrollWidth <= e.clientWidth + 1) return false
    return e === document.scrollingElement || ['auto', 'scroll'].includes(getComputedStyle(e).overflowX)
  })
  return {
    found: violations.flatMap((v) => v.nodes.map((n) => ({ rule: v.id, where: n.target.join(' '), html: n.html.slice(0, 160), why: n.failureSummary.split('\n').slice(1).join(' ').trim() }))),
    sideways: sideways.map((e) => e.tagName.toLowerCase() + [...e.classList].map((c) => `.${c}`).join('')),
  }
}

const stands = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 60))))

async function draw(browser, url, name, lang) {
  const troubles = []
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce', permissions: ['microphone'], locale: 'zh-CN', timezoneId: 'America/New_York' })
  context.setDefaultTimeout(patience)
  const page = await context.newPage()
  page.on('pageerror', (e) => troubles.push({ rule: 'error', why: String(e) }))
  page.on('console', (m) => /\[Vue warn\]|\[intlify\]/.test(m.text()) && troubles.push({ rule: 'warning', why: m.text().slice(0, 300) }))
  try {
    await page.goto(`${url}gallery/?scenario=${name}&lang=${lang}`)
    await page.waitForFunction(() => document.documentElement.dataset.drawn !== undefined)
    const said = await page.evaluate(() => document.documentElement.dataset.drawn)
    if (said) troubles.push({ rule: 'not drawn', why: said })
    if ((await page.evaluate(() => document.documentElement.lang)) !== lang) troubles.push({ rule: 'not drawn', why: `the language is not ${lang}` })
    await page.evaluate(axe)
    for (const [width, height] of sizes) {
      await page.setViewportSize({ width, height })
      await page.evaluate(stands)
      await page.screenshot({ path: join(out, `${name}.${lang}.${width}.png`) })
      const { found, sideways } = await page.evaluate(examine)
      const ours = found.filter((f) => !ignored.some((i) => i.rule === f.rule && (f.where.includes(i.where) || f.html.includes(i.where))))
      troubles.push(...ours.map((f) => ({ ...f, width })), ...sideways.map((where) => ({ rule: 'scrolls sideways', where, width })))
    }
  } catch (err) {
    troubles.push({ rule: 'not drawn', why: String(err).split('\n')[0] })
  } finally {
    await context.close()
  }
  return troubles.map((t) => ({ name, lang, ...t }))
}

function index(names, troubles) {
  const picture = (name, lang, [width]) => `<a href="${name}.${lang}.${width}.png"><img loading="lazy" src="${name}.${lang}.${width}.png" alt="${name} ${lang} ${width}"></a>`
  const row = (name) => {
    const bad = troubles.filter((t) => t.name === name).length
    return `<section id="${name}"><h2>${name}${bad ? ` <b>${bad}</b>` : ''}</h2>${langs.map((l) => `<div>${sizes.map((s) => picture(name, l, s)).join('')}</div>`).join('')}</section>`
  }
  return `<!doctype html><meta charset="utf-8"><title>look</title><style>
body{font:15px sans-serif;margin:16px;background:#eee}h2{margin:24px 0 6px;font-size:17px}b{color:#b8231c}
div{display:grid;grid-template-columns:1280fr 1440fr 1920fr;gap:8px;margin-bottom:8px;align-items:start}img{width:100%;border:1px solid #999}</style>
<p>${names.length} scenarios, ${troubles.length} troubles</p>${names.map(row).join('\n')}`
}

/** Says each kind of trouble once, with the places where it is. */
function report(troubles) {
  const kinds = new Map()
  for (const t of troubles) {
    const key = [t.rule, t.where ?? '', t.why ?? ''].join('\n')
    kinds.set(key, [...(kinds.get(key) ?? []), t])
  }
  for (const all of kinds.values()) {
    const [t] = all
    const places = [...new Set(all.map((x) => `${x.name} ${x.lang}${x.width ? ` ${x.width}` : ''}`))]
    console.log(`\n✗ ${t.rule}: ${t.where ?? ''}\n  ${t.why ?? ''}${t.html ? `\n  ${t.html}` : ''}\n  in ${places.slice(0, 4).join(', ')}${places.length > 4 ? ` and ${places.length - 4} more` : ''}`)
  }
}

const began = Date.now()
rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
console.log('· building the gallery')
const site = await serve()
const browser = await startBrowser()
const troubles = []
let names
try {
  const page = await browser.newPage()
  await page.goto(`${site.url}gallery/`)
  names = (await (await page.waitForFunction(() => window.scenarios)).jsonValue()).filter((n) => n.includes(only))
  await page.close()
  const todo = names.flatMap((name) => langs.map((lang) => ({ name, lang })))
  const all = todo.length
  let done = 0
  const work = async () => {
    for (let next = todo.shift(); next; next = todo.shift()) {
      const bad = Date.now() - began < limit ? await draw(browser, site.url, next.name, next.lang) : [{ ...next, rule: 'not drawn', why: 'the time was over' }]
      troubles.push(...bad)
      console.log(`${String(++done).padStart(4)}/${all} ${bad.length ? '✗' : '✓'} ${next.name} ${next.lang}${bad.length ? ` (${bad.length})` : ''}`)
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
} finally {
  await browser.close()
  await site.stop()
}
writeFileSync(join(out, 'index.html'), index(names, troubles))
report(troubles)
console.log(`\n${names.length} scenarios, ${names.length * langs.length * sizes.length} pictures in ${join(out, 'index.html')}, ${troubles.length} troubles, ${Math.round((Date.now() - began) / 1000)} s`)
process.exit(troubles.length > 0 || names.length === 0 ? 1 : 0)
