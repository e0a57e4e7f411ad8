// 保持: the citizen hears music and nothing else, the recorder sees it, H takes the citizen back; and a mute that survives a
// reload, so that nobody is heard who did not mean to be (RU3).
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { audioStats, citizen, citizenTone, nextCaller, officialTone, rows, seen, shoot, signIn, sitDown, startBrowser, startDemo, text, until } from './stack.mjs'

let demo, browser
before(async () => {
  demo = await startDemo()
  browser = await startBrowser()
}, { timeout: 400000 })
after(async () => {
  await browser?.close()
  await demo?.stop()
})

const word = (page) => page.getByTestId('state-word').getAttribute('data-state')
const becomes = (page, state) => until(() => word(page), (w) => w === state)
const facts = (kind) => rows(demo, `SELECT data FROM fact WHERE kind = '${kind}' ORDER BY xid, id`)

// What the page receives in half a second, loud or not.
async function energyIn(page) {
  const before = await audioStats(page)
  await new Promise((done) => setTimeout(done, 500))
  const now = await audioStats(page)
  return now && before ? { energy: now.energyIn - before.energyIn, packets: now.received - before.received } : null
}

// The citizen hears the official, and the official the citizen.
async function bothTalk(official, caller) {
  await caller.heard((r) => r.tones[officialTone] > 0.2)
  await until(() => energyIn(official), (e) => e && e.packets > 10 && e.energy > 1e-4)
}

// The citizen hears music: something, and not the official. The official hears nobody.
async function onHold(official, caller) {
  await caller.heard((r) => r.tones[officialTone] < 0.01 && r.tones[citizenTone] < 0.2 && r.energy > 1e-6 && r.silent_ms < 400)
  await until(() => energyIn(official), (e) => e && e.energy < 1e-5)
}

test('H puts the citizen on hold and takes them back; a mute survives a reload', { timeout: 240000 }, async () => {
  const official = await signIn(browser, demo, 'official')
  await sitDown(official, 'A01', 'official')
  await becomes(official, 'ready')
  const recorder = await signIn(browser, demo, 'recorder')
  await sitDown(recorder, 'A01', 'recorder')
  const caller = citizen(demo, { from: '055112345678', patience: 200 })
  await seen(official, 'incoming-card', 40000)
  await official.getByTestId('answer').click()
  await becomes(official, 'talking')
  await bothTalk(official, caller)
  await recorder.getByTestId('draft-title').fill('异地就医备案')

  // Typing an h means the letter.
  await recorder.getByTestId('draft-title').press('h')
  assert.equal(await word(official), 'talking')
  assert.equal(await recorder.getByTestId('draft-title').inputValue(), '异地就医备案h')

  // Two presses in one breath are one hold.
  await until(() => official.getByTestId('hold').getAttribute('aria-disabled'), (d) => d === 'false')
  await official.keyboard.press('h')
  await official.keyboard.press('h')
  await becomes(official, 'held')
  await becomes(recorder, 'held')
  assert.match(await text(official, 'state-word'), /保持中/)
  assert.match(await text(recorder, 'state-word'), /保持中/)
  assert.match(await text(official, 'call-timer'), /^0?0:0\d/, 'the time held, not the time talked')
  assert.match(await text(recorder, 'call-timer'), /^0?0:0\d/)
  assert.match(await text(official, 'hold'), /取回通话/)
  await onHold(official, caller)
  assert.equal(facts('call.held').length, 1)
  assert.equal(facts('call.resumed').length, 0)
  await shoot(official, 'seat-held')
  await shoot(recorder, 'recorder-held')

  // A reload of the held call leaves the citizen with the music.
  await official.reload()
  await becomes(official, 'held')
  await until(() => audioStats(official), (s) => s && s.sent > 50, 20000)
  await onHold(official, caller)
  assert.equal(await word(recorder), 'held')

  await until(() => official.getByTestId('hold').getAttribute('aria-disabled'), (d) => d === 'false')
  await official.keyboard.press('h')
  await becomes(official, 'talking')
  await becomes(recorder, 'talking')
  await bothTalk(official, caller)

  // The recorder sees the button as well, and may use it when the official has both hands full.
  await recorder.getByTestId('hold').click()
  await becomes(official, 'held')
  await onHold(official, caller)
  await official.getByTestId('hold').click()
  await becomes(recorder, 'talking')
  await bothTalk(official, caller)

  // Mute is silence for the citizen, before and after a reload, and from the first packet on.
  await official.getByTestId('mute').click()
  await until(() => official.getByTestId('mute').getAttribute('aria-pressed'), (p) => p === 'true')
  await caller.heard((r) => r.tones[officialTone] < 0.01)
  await until(() => facts('call.muted'), (f) => f.at(-1)?.data.muted === true)
  const from = caller.reports.length
  await official.reload()
  await becomes(official, 'talking')
  await until(() => audioStats(official), (s) => s && s.sent > 100 && s.energyIn > 0.001, 20000)
  assert.equal(await official.getByTestId('mute').getAttribute('aria-pressed'), 'true', 'the page knows')
  assert.match(await official.locator('.controls').innerText(), /您已静音/)
  await caller.heard(() => true)
  const heard = caller.reports.slice(from).map((r) => r.tones[officialTone])
  assert.ok(heard.length > 2 && Math.max(...heard) < 0.2, `the official was heard: ${heard}`)
  assert.ok((await audioStats(official)).energyOut < 1e-6, 'the microphone itself is shut')

  await official.getByTestId('mute').click()
  await bothTalk(official, caller)
  assert.equal(await official.getByTestId('mute').getAttribute('aria-pressed'), 'false')

  await official.getByTestId('hangup').click()
  await caller.over()
  await seen(official, 'after-call')
  const [call] = rows(demo, `SELECT outcome, seat FROM call`)
  assert.deepEqual(call, { outcome: 'answered_official', seat: 'A01' })
  for (const page of [official, recorder]) assert.deepEqual(page.troubles, [])
  await nextCaller(official)
  await becomes(official, 'ready')
  await recorder.context().close()

  // Who hangs up while on hold is counted as that (peers.md 3.4).
  const impatient = citizen(demo, { from: '055287654321', patience: 25 })
  await seen(official, 'incoming-card', 40000)
  await official.getByTestId('answer').click()
  await becomes(official, 'talking')
  await official.getByTestId('hold').click()
  await becomes(official, 'held')
  await impatient.over()
  await seen(official, 'after-call')
  assert.deepEqual(rows(demo, `SELECT outcome FROM call WHERE num_tail LIKE '0552%'`), [{ outcome: 'abandoned_on_hold' }])
  await official.context().close()
})
