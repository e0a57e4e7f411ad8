// The server dies under a real browser's seat, in the middle of a conversation and in the wrap-up after it (F1, F3): with the
// recording notice, with a recorder who writes, with everything on the disk.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { audioStats, citizen, officialTone, rows, seen, setLine, signIn, sitDown, startBrowser, startDemo, text, until } from './stack.mjs'

const wrapUp = 25 // seconds

let demo, browser
before(async () => {
  demo = await startDemo({ durable: true })
  browser = await startBrowser()
}, { timeout: 400000 })
after(async () => {
  await browser?.close()
  await demo?.stop()
})

const work = () => rows(demo, `SELECT work, until, since, call FROM seat_work WHERE seat = 'A01'`)[0]

test('kill -9 in a conversation: nobody hears it; in the wrap-up: it ends when it would have', { timeout: 240000 }, async () => {
  setLine(demo, 'wrapup', wrapUp)
  const official = await signIn(browser, demo, 'official')
  await sitDown(official, 'A01', 'official')
  await until(() => text(official, 'state-word'), (w) => w.includes('空闲'))
  const recorder = await signIn(browser, demo, 'recorder')
  await sitDown(recorder, 'A01', 'recorder')

  const caller = citizen(demo, { from: '055112340001' })
  await caller.heard((r) => r.packets > 25 && r.energy > 0) // the notice
  await seen(official, 'incoming-card', 30000)
  await official.getByTestId('answer').click()
  await caller.heard((r) => r.tones[officialTone] > 0.2)
  await recorder.getByTestId('draft-title').fill('公交线路调整')
  await seen(recorder, 'saved-at')

  // In the conversation.
  const before = await until(() => audioStats(official), (s) => s && s.received > 50)
  const reports = caller.reports.length
  const gap = await demo.killServer()
  await until(() => caller.reports.length, (n) => n > reports + 6)
  const during = caller.reports.slice(reports + 1, reports + 7)
  assert.ok(during.every((r) => r.tones[officialTone] > 0.2), `the citizen hears the official all the time: ${JSON.stringify(during)}`)
  const later = await audioStats(official)
  assert.ok(later.received - before.received > 100 && later.energyIn > before.energyIn, 'and the official the citizen')
  assert.equal(await official.evaluate(() => window.__peers.filter((p) => p.connectionState === 'connected').length), 1)
  await official.getByTestId('reconnect-bar').waitFor({ state: 'hidden', timeout: 15000 })
  await seen(official, 'call-timer')
  assert.match(await text(official, 'view-title'), /公交线路/, 'the same draft')
  assert.equal(rows(demo, `SELECT 1 FROM offer`).length, 1, 'nobody was rung again')

  // The conversation is still theirs to steer.
  await official.getByTestId('hold').click()
  await caller.heard((r) => r.tones[officialTone] < 0.01 && r.energy > 0)
  await official.getByTestId('hold').click()
  await caller.heard((r) => r.tones[officialTone] > 0.2)
  await recorder.getByTestId('draft-content').fill('希望保留原来的站点。')
  await until(() => rows(demo, `SELECT content FROM ticket`), (r) => /站点/.test(r[0]?.content ?? ''))

  // In the wrap-up, with the next citizen waiting.
  await official.getByTestId('hangup').click()
  await caller.over()
  const wrapping = await until(work, (w) => w.work === 'wrap_up')
  const second = citizen(demo, { from: '055212340002' })
  await until(() => rows(demo, `SELECT 1 FROM call WHERE phase = 'waiting'`), (r) => r.length === 1, 30000)
  const again = await demo.killServer()
  await official.getByTestId('reconnect-bar').waitFor({ state: 'hidden', timeout: 15000 })
  const kept = work()
  assert.deepEqual([kept.work, kept.until, kept.call], ['wrap_up', wrapping.until, wrapping.call], 'the deadline stands')
  await seen(official, 'wrapup-left')
  assert.equal(await recorder.getByTestId('draft-content').inputValue(), '希望保留原来的站点。')
  await seen(official, 'incoming-card', (wrapUp + 10) * 1000)
  const [offer] = rows(demo, `SELECT offered_at FROM offer ORDER BY offered_at DESC LIMIT 1`)
  const late = Date.parse(offer.offered_at) - Date.parse(wrapping.until)
  assert.ok(late >= 0 && late < 1000, `the seat is free within a second of the deadline: ${late} ms`)
  assert.match(await text(official, 'incoming-card'), /0552/)
  await official.getByTestId('answer').click()
  await second.heard((r) => r.tones[officialTone] > 0.2)
  await until(() => audioStats(official), (s) => s && s.energyIn > 0.001)
  await official.getByTestId('hangup').click()
  await second.over()

  assert.deepEqual(rows(demo, `SELECT outcome FROM call ORDER BY seq`), [{ outcome: 'answered_official' }, { outcome: 'answered_official' }])
  assert.deepEqual(rows(demo, `SELECT why, count(*)::int AS n FROM segment GROUP BY why`), [{ why: 'finished', n: 2 }])
  assert.equal(rows(demo, `SELECT id FROM ticket WHERE kind = 'call'`).length, 2, 'one ticket per call')
  for (const page of [official, recorder]) assert.deepEqual(page.troubles, [])
  console.log(`# kill to ready: ${gap} ms in the conversation, ${again} ms in the wrap-up; the next citizen was offered ${late} ms after its end`)
})
