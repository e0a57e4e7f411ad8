// Starts the real product for the browser tests: `hotline demo` in a folder and on ports of its own, citizens by SIPp, and
// Chromium with a microphone that plays a tone. Ends only what it started.
import assert from 'node:assert/strict'
import { spawn, execFileSync } from 'node:child_process'
import { mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..')
export const officialTone = 1000 // Hz, what the browser's microphone hears
export const citizenTone = 600 // Hz, what the citizen says

const children = new Set()

/** Ends a child by its own id and waits until it is gone. */
export async function end(child, signal = 'SIGTERM') {
  if (!child || child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((done) => child.once('exit', done))
  child.kill(signal)
  await gone
  children.delete(child)
}

process.on('exit', () => children.forEach((c) => c.kill('SIGKILL')))

/** Starts a program and returns it with a function that waits for the next JSON line that fits. */
function startJSON(file, args, options = {}) {
  const child = spawn(file, args, { cwd: root, stdio: ['pipe', 'pipe', 'inherit'], ...options })
  children.add(child)
  const seen = []
  const waiting = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (!line.startsWith('{')) return
    const message = JSON.parse(line)
    seen.push(message)
    for (const w of waiting.splice(0)) {
      if (w.fits(message)) w.done(message)
      else waiting.push(w)
    }
  })
  child.once('exit', (code) => waiting.splice(0).forEach((w) => w.fail(new Error(`${file} ${args[0]} ended with ${code}`))))
  const next = (fits, ms = 30000) =>
    new Promise((done, fail) => {
      const timer = setTimeout(() => fail(new Error(`${file} ${args[0]}: nothing fitting in ${ms} ms; last: ${JSON.stringify(seen.at(-1))}`)), ms)
      waiting.push({ fits, done: (m) => (clearTimeout(timer), done(m)), fail: (e) => (clearTimeout(timer), fail(e)) })
    })
  return { child, next, seen }
}

/** The id of the server that runs now: a child of the demo, which starts another as soon as it ends. */
function serverOf(demo) {
  for (const pid of readdirSync('/proc').filter((p) => /^\d+$/.test(p))) {
    try {
      const parent = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')[1]
      if (Number(parent) === demo.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[1] === 'serve') return Number(pid)
    } catch {
      // ended while we looked
    }
  }
  return 0
}

/** The whole product, without simulated citizens and officials. durable: what is stored is on the disk. */
export async function startDemo({ durable = false } = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'hotline-e2e-'))
  const demo = startJSON(join(root, 'bin/hotline'), ['demo', '--json', '--calls=0', '--officials=0', `--dir=${dir}`, '--port=0', '--ports=free', ...(durable ? ['--durable'] : [])])
  const ready = await demo.next((m) => m.panel, 300000)
  return {
    ...ready,
    /** kill -9 of the server; comes back when its successor takes calls, with the time that took. */
    killServer: async () => {
      const old = serverOf(demo.child)
      assert.ok(old > 0, 'the server runs')
      const began = Date.now()
      process.kill(old, 'SIGKILL')
      await until(() => serverOf(demo.child), (pid) => pid > 0 && pid !== old)
      await until(() => fetch(`${ready.panel}/readyz`).then((r) => r.ok, () => false), (ok) => ok)
      return Date.now() - began
    },
    /** Stops the server in its tracks, or lets it go on: to its pages, a cable that was pulled. */
    holdServer: (on) => process.kill(serverOf(demo.child), on ? 'SIGSTOP' : 'SIGCONT'),
    stop: async () => {
      await end(demo.child, 'SIGTERM')
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** A citizen by SIPp who says a tone; `heard` waits for what comes back over RTP. */
export function citizen(demo, { from = '055112345678', patience = 120 } = {}) {
  const call = startJSON(join(root, 'bin/sim'), ['call', `--trunk=${demo.trunk}`, `--number=${demo.number}`, `--from=${from}`, `--patience=${patience}s`, `--tone=${citizenTone}`])
  return {
    heard: (fits, ms) => call.next(fits, ms),
    over: () => (call.child.exitCode !== null ? Promise.resolve() : new Promise((done) => call.child.once('exit', done))),
    reports: call.seen,
  }
}

/** One row or more of the demo's database, as an array of objects. */
export function rows(demo, sql) {
  const out = execFileSync('psql', [demo.database_url, '-XAtc', `SELECT coalesce(json_agg(r), '[]') FROM (${sql}) r`], { encoding: 'utf8' })
  return JSON.parse(out)
}

/** Changes the demo's database. */
export const change = (demo, sql) => execFileSync('psql', [demo.database_url, '-XAtqc', sql])

// setLine changes at once what the demo's lines go by.
export const setLine = (demo, key, value) => change(demo, `
  INSERT INTO setting (key, scope, version, value, effective_from, in_force_from, author, proposed_at)
  SELECT 'line.${key}', l.id, 1 + coalesce((SELECT max(version) FROM setting WHERE key = 'line.${key}' AND scope = l.id), 0), '${value}', now(), now(), 'system', now()
  FROM line l`)

/** A WAV of one tone for Chromium's microphone. */
function toneFile(dir) {
  const rate = 48000
  const samples = rate * 2
  const b = Buffer.alloc(44 + samples * 2)
  b.write('RIFF', 0)
  b.writeUInt32LE(36 + samples * 2, 4)
  b.write('WAVEfmt ', 8)
  b.writeUInt32LE(16, 16)
  b.writeUInt16LE(1, 20)
  b.writeUInt16LE(1, 22)
  b.writeUInt32LE(rate, 24)
  b.writeUInt32LE(rate * 2, 28)
  b.writeUInt16LE(2, 32)
  b.writeUInt16LE(16, 34)
  b.write('data', 36)
  b.writeUInt32LE(samples * 2, 40)
  for (let i = 0; i < samples; i++) b.writeInt16LE(Math.round(12000 * Math.sin((2 * Math.PI * officialTone * i) / rate)), 44 + i * 2)
  const file = join(dir, 'tone.wav')
  writeFileSync(file, b)
  return file
}

// What browsers and their microphones leave behind goes with us.
const scratch = mkdtempSync(join(tmpdir(), 'hotline-browser-'))
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))
const tone = toneFile(scratch)

const options = () => ({
    env: { ...process.env, TMPDIR: scratch },
    executablePath: '/usr/bin/chromium',
    args: [
      '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
      `--use-file-for-fake-audio-capture=${tone}`, '--autoplay-policy=no-user-gesture-required',
    ],
})

export const startBrowser = () => chromium.launch(options())

/** A browser that a test may kill, as a power cut would. */
export async function startMortalBrowser() {
  const server = await chromium.launchServer(options())
  const browser = await chromium.connect(server.wsEndpoint())
  return { browser, kill: () => server.kill() }
}

/** A signed-in page; pictures go to .cache/shots. */
export async function signIn(browser, demo, role, size = { width: 1440, height: 900 }, name = '') {
  const account = demo.accounts.find((a) => a.role === role && (name === '' || a.login_name === name))
  const context = await browser.newContext({ viewport: size, permissions: ['microphone'], locale: 'zh-CN' })
  await context.addInitScript(watchPeers)
  const page = await context.newPage()
  const troubles = []
  page.on('pageerror', (e) => troubles.push(String(e)))
  page.on('console', (m) => m.type() === 'error' && /Content Security Policy|Refused/.test(m.text()) && troubles.push(m.text()))
  page.troubles = troubles
  await page.goto(demo.panel)
  await page.getByTestId('login-name').fill(account.login_name)
  await page.getByTestId('login-password').fill(account.password)
  await page.getByTestId('login-submit').click()
  return page
}

/** What a person reads at a place. */
export const text = (page, id) => page.getByTestId(id).innerText()
export const seen = (page, id, ms = 15000) => page.getByTestId(id).waitFor({ state: 'visible', timeout: ms })

/** Takes a place at a seat; an official passes the device test and says 示闲. */
export async function sitDown(page, seat, place) {
  await page.getByTestId(`seat-${seat}-${place}`).click()
  if (place !== 'official') return
  await page.getByTestId('check-start').click({ timeout: 15000 })
  await until(() => page.getByTestId('go-ready').isEnabled(), (on) => on, 30000)
  await page.getByTestId('go-ready').click()
}

/** 请接下一位 of somebody who leaves the draft as it is: what is missing is named first. */
export async function nextCaller(page) {
  await page.getByTestId('next-caller').click()
  await seen(page, 'lacking')
  await until(() => page.getByTestId('next-caller').getAttribute('aria-disabled'), (d) => d === 'false') // a double click leaves nothing
  await page.getByTestId('next-caller').click()
}

/** In the page: remembers every RTCPeerConnection, so that tests can ask getStats(). */
function watchPeers() {
  const Native = window.RTCPeerConnection
  window.__peers = []
  window.RTCPeerConnection = class extends Native {
    constructor(...args) {
      super(...args)
      window.__peers.push(this)
    }
  }
}

/** Packets and audio energy of the page's live connection, both ways. */
export function audioStats(page) {
  return page.evaluate(async () => {
    const live = window.__peers.filter((p) => p.connectionState === 'connected').at(-1)
    if (!live) return null
    const out = { received: 0, energyIn: 0, sent: 0, energyOut: 0 }
    for (const s of (await live.getStats()).values()) {
      if (s.type === 'inbound-rtp' && s.kind === 'audio') Object.assign(out, { received: s.packetsReceived, energyIn: s.totalAudioEnergy, codec: s.codecId })
      if (s.type === 'outbound-rtp' && s.kind === 'audio') out.sent = s.packetsSent
      if (s.type === 'media-source' && s.kind === 'audio') out.energyOut = s.totalAudioEnergy
    }
    return out
  })
}

/** Asks until the answer fits; a browser test's bounded wait for a figure that no element shows. */
export async function until(ask, fits, ms = 15000) {
  const deadline = Date.now() + ms
  let last
  while (Date.now() < deadline) {
    last = await ask()
    if (fits(last)) return last
    await new Promise((done) => setTimeout(done, 100))
  }
  throw new Error(`not reached in ${ms} ms; last: ${JSON.stringify(last)}`)
}

export async function shoot(page, name) {
  const dir = join(root, '.cache/shots')
  mkdirSync(dir, { recursive: true })
  for (const [w, h] of [[1280, 720], [1440, 900], [1920, 1080]]) {
    await page.setViewportSize({ width: w, height: h })
    await page.screenshot({ path: join(dir, `${name}-${w}.png`) })
  }
  await page.setViewportSize({ width: 1440, height: 900 })
}
