// More citizens than seats, offers that nobody takes, and a browser that dies in the middle of a conversation (F20).
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { audioStats, citizen, nextCaller, officialTone, rows, seen, shoot, signIn, sitDown, startBrowser, startDemo, startMortalBrowser, text, until } from './stack.mjs'

let demo, browser
before(async () => {
  demo = await startDemo()
  browser = await startBrowser()
}, { timeout: 400000 })
after(async () => {
  await browser?.close()
  await demo?.stop()
})

const queued = (n) => until(() => rows(demo, `SELECT num_tail FROM call c WHERE phase = 'waiting' AND NOT EXISTS (SELECT 1 FROM offer o WHERE o.call = c.id AND o.state = 'open') ORDER BY priority, seq`), (r) => r.length === n, 40000)

test('who is not taken keeps the turn, and is offered again first', { timeout: 180000 }, async () => {
  const first = citizen(demo, { from: '055210000001' })
  await queued(1)
  const second = citizen(demo, { from: '055310000002' })
  await queued(2)
  const official = await signIn(browser, demo, 'official')
  await sitDown(official, 'A01', 'official')

  await seen(official, 'incoming-card', 20000)
  assert.match(await text(official, 'incoming-card'), /0552/, 'the one who waits longest comes first')
  await official.getByTestId('decline').click()
  await shoot(official, 'seat-decline')
  await official.getByTestId('decline-not_ready').click()
  const [declined] = await until(() => rows(demo, `SELECT state, reason FROM offer WHERE state <> 'open'`), (r) => r.length === 1)
  assert.equal(declined.state, 'declined')

  await seen(official, 'incoming-card', 40000) // the only seat asks again after 20 s, and nobody overtakes
  assert.match(await text(official, 'incoming-card'), /0552/, 'and comes first again: the head, not the tail')
  await official.getByTestId('answer').click()
  await seen(official, 'call-timer')
  await first.heard((r) => r.tones[officialTone] > 0.2)
  await official.getByTestId('hangup').click()
  await first.over()

  // The seat becomes free: the next citizen is offered at once.
  await nextCaller(official)
  await seen(official, 'incoming-card', 5000)
  assert.match(await text(official, 'incoming-card'), /0553/)
  await official.getByTestId('answer').click()
  await second.heard((r) => r.tones[officialTone] > 0.2)
  await official.getByTestId('hangup').click()
  await second.over()
  await nextCaller(official)
  assert.deepEqual(official.troubles, [])
  await until(() => text(official, 'state-word'), (w) => w.includes('空闲'))
  await official.context().close()
})

test('F20: a browser that is killed loses nothing; the citizen stays and the next browser goes on', { timeout: 180000 }, async () => {
  const doomed = await startMortalBrowser()
  const official = await signIn(doomed.browser, demo, 'official')
  await official.getByTestId('check-start').click({ timeout: 15000 }) // the seat is still theirs, and still ready
  await until(() => rows(demo, `SELECT routable FROM seat_live WHERE seat = 'A01'`), (r) => r[0].routable, 30000)
  const recorder = await signIn(browser, demo, 'recorder')
  await sitDown(recorder, 'A01', 'recorder')
  const caller = citizen(demo, { from: '055410000003' })
  await seen(official, 'incoming-card', 40000)
  await official.getByTestId('answer').click()
  await caller.heard((r) => r.tones[officialTone] > 0.2)
  await recorder.getByTestId('draft-title').fill('老旧小区加装电梯')
  await seen(recorder, 'saved-at')

  await doomed.kill()
  const again = await signIn(browser, demo, 'official')
  await seen(again, 'call-timer', 20000)
  await until(() => text(again, 'view-title'), (v) => v.includes('加装电梯'))
  await until(() => audioStats(again), (s) => s && s.received > 50 && s.energyIn > 0.001, 20000)
  await caller.heard((r) => r.tones[officialTone] > 0.2, 20000)
  const [call] = rows(demo, `SELECT phase, seat FROM call WHERE ended_at IS NULL`)
  assert.equal(call.phase, 'serving')
  await again.getByTestId('hangup').click()
  await caller.over()
  const ended = rows(demo, `SELECT outcome FROM call WHERE num_tail LIKE '0554%'`)
  assert.deepEqual(ended, [{ outcome: 'answered_official' }])
  assert.equal(rows(demo, `SELECT id FROM offer WHERE call = (SELECT id FROM call WHERE num_tail LIKE '0554%') AND kind = 'line' AND state = 'accepted'`).length, 1)
})
