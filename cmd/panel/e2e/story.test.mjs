// The story of the first real call, told by two real Chromium pages and a citizen who calls by SIPp.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { audioStats, citizen, officialTone, rows, seen, shoot, signIn, sitDown, startBrowser, startDemo, text, until } from './stack.mjs'

let demo, browser
before(async () => {
  demo = await startDemo()
  browser = await startBrowser()
}, { timeout: 400000 })
after(async () => {
  await browser?.close()
  await demo?.stop()
})

test('a citizen calls, an official answers, the recorder writes, the ticket is there', { timeout: 240000 }, async () => {
  const official = await signIn(browser, demo, 'official')
  await seen(official, 'seat-A01-official')
  await shoot(official, 'seats')
  await sitDown(official, 'A01', 'official')
  await until(() => text(official, 'state-word'), (w) => w.includes('空闲'))
  await shoot(official, 'seat-ready')
  const recorder = await signIn(browser, demo, 'recorder')
  await sitDown(recorder, 'A01', 'recorder')
  const supervisor = await signIn(browser, demo, 'supervisor')
  await seen(supervisor, 'board-seat-A01')

  // The notice and then music: the caller never hears silence. The official's page rings before anything is answered.
  const caller = citizen(demo)
  await caller.heard((r) => r.packets > 25 && r.energy > 0)
  await seen(official, 'incoming-card', 30000)
  const card = await text(official, 'incoming-card')
  assert.match(card, /0551\*+\d{1,4}/, 'the number is masked')
  assert.ok(!card.includes('055112345678'), 'the whole number is nowhere')
  assert.match(card, /合肥/, 'the place is told by the area code')
  await seen(recorder, 'caller-card')
  await shoot(official, 'seat-ringing')
  await caller.heard((r) => r.energy > 0 && r.silent_ms < 400)
  await until(() => text(supervisor, 'board-seat-A01'), (t) => t.includes('振铃'))

  await official.getByTestId('answer').click()
  await seen(official, 'call-timer')
  const first = await until(() => audioStats(official), (s) => s && s.received > 50 && s.energyIn > 0.001 && s.sent > 50)
  assert.ok(first.energyOut > 0, 'the microphone is heard')
  await caller.heard((r) => r.tones[officialTone] > 0.2)
  await until(() => text(supervisor, 'board-seat-A01'), (t) => t.includes('通话'))
  await shoot(supervisor, 'board')

  // Both write in one draft: the recorder types, the official sees it, and it is stored as it is typed.
  await recorder.getByTestId('draft-title').fill('小区夜间施工噪音')
  await recorder.getByTestId('draft-content').fill('来电人反映工地凌晨仍在施工，希望查处。')
  await seen(recorder, 'saved-at')
  await until(() => text(official, 'view-title'), (v) => v.includes('施工噪音'))
  await shoot(recorder, 'recorder-talking')
  await shoot(official, 'seat-talking')

  // Reload in the middle of the conversation: the citizen stays, the screen and the voice come back, nothing is lost.
  await official.reload()
  await seen(official, 'call-timer', 15000)
  await until(() => text(official, 'view-title'), (v) => v.includes('施工噪音'))
  await until(() => audioStats(official), (s) => s && s.received > 50 && s.energyIn > 0.001)
  await caller.heard((r) => r.tones[officialTone] > 0.2)
  await recorder.reload()
  await until(() => recorder.getByTestId('draft-content').inputValue(), (v) => v.includes('凌晨'))

  // Mute is silence for the citizen, and only that.
  await official.getByTestId('mute').click()
  await caller.heard((r) => r.tones[officialTone] < 0.01)
  await official.getByTestId('mute').click()
  await caller.heard((r) => r.tones[officialTone] > 0.2)

  await official.getByTestId('hangup').click()
  await caller.over()
  await recorder.getByTestId('draft-class-other').click()
  await recorder.getByTestId('outcome-ticket').click()
  await recorder.getByTestId('register').click()
  await until(() => rows(demo, `SELECT state FROM ticket WHERE kind = 'call'`), (r) => r[0]?.state === 'registered')
  await shoot(official, 'seat-wrapup')
  await official.getByTestId('next-caller').click()
  await until(() => text(official, 'state-word'), (w) => w.includes('空闲'))

  const [call] = rows(demo, 'SELECT outcome, cause, seat, answered_at, ended_at, num_tail FROM call')
  assert.equal(call.outcome, 'answered_official')
  assert.equal(call.seat, 'A01')
  const [ticket] = rows(demo, `SELECT t.number, t.query_code, t.title, t.class, t.outcome, p.working_days, p.due_at FROM ticket t JOIN promise p ON p.ticket = t.id`)
  assert.equal(ticket.title, '小区夜间施工噪音')
  assert.equal(ticket.class, 'other')
  assert.equal(ticket.working_days, 10)
  assert.ok(ticket.number && ticket.query_code)
  assert.equal(rows(demo, 'SELECT id FROM ticket').length, 1, 'one ticket per call')
  for (const page of [official, recorder, supervisor]) assert.deepEqual(page.troubles, [])
  await Promise.all([official, recorder, supervisor].map((p) => p.context().close()))
})

test('who hangs up while waiting is recorded as that, and becomes a callback task', { timeout: 120000 }, async () => {
  const supervisor = await signIn(browser, demo, 'supervisor')
  await seen(supervisor, 'board-waiting')
  const caller = citizen(demo, { from: '055287654321', patience: 20 })
  await until(() => text(supervisor, 'board-waiting'), (t) => /0552/.test(t), 30000)
  await until(() => rows(demo, `SELECT now() - queued_at > interval '6 seconds' AS long FROM call WHERE phase = 'waiting'`), (r) => r[0]?.long, 30000)
  await caller.over()
  const [row] = await until(() => rows(demo, `SELECT c.outcome, b.state FROM call c JOIN callback b ON b.call = c.id`), (r) => r.length === 1)
  assert.equal(row.outcome, 'abandoned_in_queue')
  assert.equal(row.state, 'open')
  await until(() => text(supervisor, 'board-waiting'), (t) => !/0552/.test(t))
  await supervisor.context().close()
})

test('the wrong password changes nothing and says what to do; English is one switch away', { timeout: 60000 }, async () => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  const page = await context.newPage()
  await page.goto(demo.panel)
  await seen(page, 'login-name')
  await shoot(page, 'login')
  await page.getByTestId('login-name').fill('nobody')
  await page.getByTestId('login-password').fill('wrong-password-1')
  await page.getByTestId('login-submit').click()
  await until(() => text(page, 'login-refusal'), (t) => /用户名或密码/.test(t))
  await page.getByTestId('locale-switch').click()
  await until(() => page.locator('body').innerText(), (t) => /Log in/.test(t))
  await context.close()
})
