// What the page says of the telephone is true, and what is broken is mended: logging out in a call asks, the telephone is built anew
// with a login, a conversation that is not heard is told and brought back (RU2); a conversation taken over is followed by the seat's
// state and not by a test (RU10); a lost connection is told within 3 s and nothing moves (RU14).
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { audioStats, citizen, nextCaller, officialTone, seen, shoot, signIn, sitDown, startBrowser, startDemo, text, until } from './stack.mjs'

let demo, browsers
before(async () => {
  demo = await startDemo()
  browsers = [await startBrowser(), await startBrowser()]
}, { timeout: 400000 })
after(async () => {
  for (const b of browsers ?? []) await b.close()
  await demo?.stop()
})

const word = (page) => page.getByTestId('state-word').getAttribute('data-state')
const becomes = (page, state, ms) => until(() => word(page), (w) => w === state, ms)
const flows = (page, ms) => until(() => audioStats(page), (s) => s && s.received > 50 && s.sent > 50 && s.energyIn > 0.001, ms)
const awake = (page, id) => until(() => page.getByTestId(id).getAttribute('aria-disabled'), (d) => d === 'false')
const top = (page) => page.evaluate(() => document.querySelector('[data-testid=state-word]').getBoundingClientRect().top)

test('the telephone follows the login, the other page and the network', { timeout: 240000 }, async () => {
  const official = await signIn(browsers[0], demo, 'official')
  await sitDown(official, 'A01', 'official')
  await becomes(official, 'ready')
  const caller = citizen(demo, { from: '055112345678', patience: 200 })
  await seen(official, 'incoming-card', 40000)
  assert.match(await official.title(), /来电|热线/)
  await awake(official, 'answer')
  await official.getByTestId('answer').click()
  await becomes(official, 'talking')
  await flows(official)
  assert.doesNotMatch(await official.title(), /来电/)

  // Logging out asks; going back changes nothing.
  await official.getByTestId('person-menu').click()
  await official.getByTestId('logout').click()
  await seen(official, 'logout-ask')
  await shoot(official, 'logout-ask')
  await awake(official, 'logout-no')
  await official.getByTestId('logout-no').click()
  await official.getByTestId('logout-ask').waitFor({ state: 'hidden' })
  await caller.heard((r) => r.tones[officialTone] > 0.2)

  // Whoever means it, and logs in again, hears the citizen again.
  await official.getByTestId('person-menu').click()
  await official.getByTestId('logout').click()
  await awake(official, 'logout-yes')
  await official.getByTestId('logout-yes').click()
  await seen(official, 'login-name')
  const account = demo.accounts.find((a) => a.role === 'official')
  await official.getByTestId('login-name').fill(account.login_name)
  await official.getByTestId('login-password').fill(account.password)
  const began = Date.now()
  await official.getByTestId('login-submit').click()
  await becomes(official, 'talking', 20000)
  await flows(official, 20000)
  console.log(`# login to audio: ${Date.now() - began} ms`)
  await caller.heard((r) => r.tones[officialTone] > 0.2)

  const quiet = () => until(() => text(official, 'phone-trouble'), (s) => s === '')
  await quiet()
  console.log(`# login to no trouble: ${Date.now() - began} ms`)

  // The way of the voices breaks: it is told, and mended.
  const broken = Date.now()
  await official.evaluate(() => window.__peers.filter((p) => p.connectionState === 'connected').forEach((p) => p.close()))
  await becomes(official, 'reconnecting', 6000)
  const told = Date.now() - broken
  await flows(official, 20000)
  console.log(`# no media to told: ${told} ms; to audio: ${Date.now() - broken} ms`)
  await caller.heard((r) => r.tones[officialTone] > 0.2)
  await becomes(official, 'talking')
  await quiet()

  // Another browser takes the conversation over; after it, the seat is ready there, without a test.
  const other = await signIn(browsers[1], demo, 'official')
  await seen(other, 'phone-here', 20000)
  await other.getByTestId('phone-here').click()
  await flows(other, 20000)
  await caller.heard((r) => r.tones[officialTone] > 0.2)
  await awake(other, 'hangup')
  await other.getByTestId('hangup').click()
  await caller.over()
  await seen(other, 'after-call')
  await nextCaller(other)
  await becomes(other, 'ready')
  assert.equal(await other.getByTestId('device-check').count(), 0)
  await shoot(other, 'seat-idle-after-takeover')

  // The server stops answering, as when a cable is pulled: told within 3 s, and nothing moves.
  const before = await top(other)
  const cut = Date.now()
  await demo.holdServer(true)
  await seen(other, 'reconnect-bar', 8000)
  const lost = Date.now() - cut
  console.log(`# network cut to told: ${lost} ms`)
  assert.ok(lost <= 3000, `told after ${lost} ms`)
  assert.equal(await top(other), before, 'nothing moves')
  await shoot(other, 'seat-lost')
  await demo.holdServer(false)
  await other.getByTestId('reconnect-bar').waitFor({ state: 'hidden', timeout: 15000 })
  for (const page of [official, other]) assert.deepEqual(page.troubles, [])
})
