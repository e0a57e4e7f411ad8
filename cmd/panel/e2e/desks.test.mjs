// The desks around a call: the office's list of tickets, the supervisor's board, and what an official opens beside the call.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { audioStats, change, citizen, rows, seen, setLine, shoot, signIn, sitDown, startBrowser, startDemo, text, until } from './stack.mjs'

let demo, browser, missed
before(async () => {
  demo = await startDemo()
  setLine(demo, 'wrapup', '0')
  browser = await startBrowser()
}, { timeout: 400000 })
after(async () => {
  await browser?.close()
  await demo?.stop()
})

const gone = (page, id) => page.getByTestId(id).waitFor({ state: 'hidden', timeout: 15000 })
const titles = (page) => page.getByTestId('tickets-rows').locator('.name').allInnerTexts()

/** Rings in and hangs up before anybody answers. */
async function abandons(from) {
  const call = citizen(demo, { from, patience: 12 })
  await call.over()
  const [last] = rows(demo, 'SELECT id FROM call ORDER BY seq DESC LIMIT 1')
  return (await until(() => rows(demo, `SELECT c.id, b.id AS task FROM call c JOIN callback b ON b.call = c.id JOIN ticket t ON t.call = c.id AND t.kind = 'missed' WHERE c.id = '${last.id}'`), (r) => r.length === 1, 40000))[0]
}

/** Makes the ticket of a call one that another unit handles. */
const elsewhere = (call, number, title, due) => change(demo, `
  UPDATE ticket SET state = 'registered', number = '${number}', class = 'other', outcome = 'ticket', title = '${title}', registered_at = now(), due = ${due}, version = version + 1 WHERE call = '${call}';
  INSERT INTO promise SELECT id, 10, '2026-01-01', ${due}, ${due}, 'test', 'test', false FROM ticket WHERE call = '${call}';
  INSERT INTO ticket_unit (ticket, unit, role) SELECT t.id, (SELECT max(code) FROM unit), 'host' FROM ticket t WHERE call = '${call}'`)

test('a draft of somebody on the line is the call’s people’s; what they brought before opens beside the call', { timeout: 240000 }, async () => {
  const before = await abandons('055155550001')
  await elsewhere(before.id, '2025-A-000041-6', '楼道灯坏了', `now() - interval '30 hours'`)
  const [old] = rows(demo, `SELECT id FROM ticket WHERE number = '2025-A-000041-6'`)

  const official = await signIn(browser, demo, 'official')
  await sitDown(official, 'A01', 'official')
  const caller = citizen(demo, { from: '055155550001' })
  await seen(official, 'incoming-card', 40000)
  await until(() => official.getByTestId('answer').getAttribute('aria-disabled'), (d) => d !== 'true')
  await official.getByTestId('answer').click()
  await seen(official, 'call-timer')

  // RU8: the link opens beside the call. It is not this official's to read: they are told so, and lose nothing.
  await official.getByTestId(`open-${old.id}`).click()
  await seen(official, 'ticket-not-found')
  assert.match(await text(official, 'ticket-beside'), /您不能查看这件工单，请班长协助/)
  for (const control of ['call-timer', 'hangup', 'mute']) await seen(official, control)
  for (const [width, height] of [[1280, 720], [1440, 900], [1920, 1080]]) {
    await official.setViewportSize({ width, height })
    const [hangup, beside] = await Promise.all(['hangup', 'ticket-beside'].map((id) => official.getByTestId(id).boundingBox()))
    assert.ok(hangup.x + hangup.width <= beside.x, `at ${width} it covers no control`)
  }
  await shoot(official, 'seat-ticket-refused')
  await official.keyboard.press('Escape')
  await gone(official, 'ticket-beside')
  change(demo, `UPDATE ticket SET official = (SELECT person FROM seat_state WHERE seat = 'A01') WHERE id = '${old.id}'`)
  await official.getByTestId(`open-${old.id}`).click()
  await until(() => text(official, 'ticket-beside'), (t) => t.includes('楼道灯坏了') && t.includes('2025-A-000041-6'))
  assert.ok((await audioStats(official)).received > 0, 'the call goes on')
  await shoot(official, 'seat-ticket-beside')
  await official.getByTestId('beside-close').click()
  await gone(official, 'ticket-beside')

  // RU7: the office sees the draft apart from its work, is told whose it is, and cannot register it.
  const office = await signIn(browser, demo, 'office')
  await seen(office, 'board-waiting')
  await office.goto(`${demo.panel}/tickets`)
  await until(() => titles(office), (t) => t.length === 1 && t[0] === '楼道灯坏了')
  const [draft] = rows(demo, `SELECT t.id, t.version, t.query_code FROM ticket t JOIN call c ON c.id = t.call WHERE c.ended_at IS NULL`)
  await office.getByTestId('tickets-live').click()
  await office.getByTestId(`ticket-${draft.id}`).click()
  await seen(office, 'ticket-live')
  assert.match(await text(office, 'ticket-live'), /来电人还在线上，由 A01 席填写/)
  assert.equal(await office.getByTestId('draft-title').count(), 0)
  await shoot(office, 'tickets-live')
  const refused = await office.evaluate(async (id) => {
    const r = await fetch(`/api/v1/tickets/${id}/register`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ version: 1 }) })
    return [r.status, (await r.json()).type]
  }, draft.id)
  assert.deepEqual(refused, [409, 'urn:hotline:ticket.live'])

  // The call is over: the form opens by itself.
  await official.getByTestId('hangup').click()
  await caller.over()
  await seen(office, 'draft-title')
  await office.getByTestId('draft-title').fill('路灯不亮')
  await office.getByTestId('draft-class-consultation').click()
  await office.getByTestId('outcome-ticket').click()
  await office.getByTestId('register').click()
  await until(() => rows(demo, `SELECT state FROM ticket WHERE id = '${draft.id}'`), (r) => r[0].state === 'registered')

  // What is due stands first, with its date; a search finds numbers as people type them.
  await office.getByTestId('tickets-all').click()
  await until(() => titles(office), (t) => t.join() === '楼道灯坏了,路灯不亮')
  assert.match(await text(office, `ticket-${old.id}`), /超期 2 天/)
  assert.match(await text(office, `ticket-${draft.id}`), /还有 \d+ 天[^]*\d+月\d+日 周. 24:00/)
  await shoot(office, 'tickets-due')
  await office.getByTestId('tickets-overdue').click()
  await until(() => titles(office), (t) => t.join() === '楼道灯坏了')
  await office.getByTestId('tickets-all').click()
  for (const [typed, found] of [['2025a0000416', '楼道灯坏了'], [draft.query_code.toLowerCase(), '路灯不亮'], ['路灯', '路灯不亮']]) {
    await office.getByTestId('tickets-search').fill(typed)
    await until(() => titles(office), (t) => t.join() === found)
  }
  await office.getByTestId('tickets-search').fill('没有这样的工单')
  await seen(office, 'tickets-clear')
  await shoot(office, 'tickets-none')
  await office.getByTestId('tickets-clear').click()
  await until(() => titles(office), (t) => t.length === 2)
  assert.deepEqual([...official.troubles, ...office.troubles], [])
  await Promise.all([official, office].map((p) => p.context().close()))
})

test('rows keep still under the pointer, and say what is new', { timeout: 120000 }, async () => {
  const office = await signIn(browser, demo, 'office')
  await seen(office, 'board-waiting')
  await office.goto(`${demo.panel}/tickets`)
  await until(() => titles(office), (t) => t.length === 2)
  const [old] = rows(demo, `SELECT id FROM ticket WHERE number = '2025-A-000041-6'`)
  await office.getByTestId(`ticket-${old.id}`).hover()
  const place = () => office.getByTestId(`ticket-${old.id}`).boundingBox()
  const was = await place()
  const early = await abandons('055155550003')
  await elsewhere(early.id, '2025-A-000042-4', '更早到期', `now() - interval '90 hours'`)
  missed = await abandons('055155550004')
  await seen(office, 'tickets-news', 30000)
  await until(() => text(office, 'tickets-news'), (t) => /有 2 条更新/.test(t))
  assert.deepEqual(await place(), was)
  assert.equal((await titles(office)).length, 2)
  await shoot(office, 'tickets-news')
  await office.getByTestId('tickets-news').click()
  await until(() => titles(office), (t) => t.length === 4 && t[0] === '更早到期')
  await gone(office, 'tickets-news')
  await office.context().close()
})

test('the supervisor acts on a seat, and marks callbacks done', { timeout: 240000 }, async () => {
  const official = await signIn(browser, demo, 'official')
  await official.getByTestId('check-start').click({ timeout: 15000 }) // the seat is still theirs
  await until(() => official.getByTestId('go-ready').isEnabled(), (on) => on, 30000)
  await official.getByTestId('go-ready').click()
  await until(() => rows(demo, `SELECT routable FROM seat_live WHERE seat = 'A01'`), (r) => r[0].routable, 40000)
  const boss = await signIn(browser, demo, 'supervisor')
  await seen(boss, 'board-seat-A01')
  await shoot(boss, 'board-six')

  const act = async (name) => {
    await boss.getByTestId('seat-menu-A01').click()
    await boss.getByTestId(`seat-A01-${name}`).click()
    await seen(boss, 'seat-yes')
  }
  const yes = async () => {
    await until(() => boss.getByTestId('seat-yes').getAttribute('aria-disabled'), (d) => d === 'false')
    await boss.getByTestId('seat-yes').click()
    await gone(boss, 'seat-yes')
  }
  const state = (is) => until(() => rows(demo, `SELECT intent, pending, person IS NOT NULL AS taken FROM seat_state WHERE seat = 'A01'`), (r) => Object.entries(is).every(([k, v]) => r[0][k] === v))

  // Nothing is done without a reason, and nothing by whoever thinks better of it.
  await act('sign_out')
  assert.equal(await boss.getByTestId('seat-yes').getAttribute('aria-disabled'), 'true')
  await shoot(boss, 'board-sign-out')
  await until(() => boss.getByTestId('seat-no').getAttribute('aria-disabled'), (d) => d === 'false')
  await boss.getByTestId('seat-no').click()
  await gone(boss, 'seat-yes')
  await state({ taken: true })

  await act('busy')
  await boss.getByTestId('reason-order').click()
  await yes()
  await state({ intent: 'busy' })
  await until(() => text(official, 'state-word'), (w) => w.includes('示忙'))
  await act('ready')
  await boss.getByTestId('seat-reason').fill('人回来了')
  await yes()
  await state({ intent: 'ready' })

  // In a call it waits for the end.
  const caller = citizen(demo, { from: '055155550005' })
  await seen(official, 'incoming-card', 40000)
  await until(() => official.getByTestId('answer').getAttribute('aria-disabled'), (d) => d !== 'true')
  await official.getByTestId('answer').click()
  await seen(official, 'call-timer')
  await act('sign_out')
  assert.match(await boss.getByRole('dialog').innerText(), /现在的来电不受影响，处理完后生效/)
  await boss.getByTestId('reason-device').click()
  await yes()
  await state({ pending: 'sign_out', taken: true })
  await shoot(boss, 'board-talking')
  await official.getByTestId('hangup').click()
  await caller.over()
  await state({ taken: false })
  assert.deepEqual(rows(demo, `SELECT action, reason FROM audit WHERE reason IN ('现场调度', '人回来了', '设备故障') ORDER BY id`).map((r) => `${r.action} ${r.reason}`),
    ['seat.intent 现场调度', 'seat.intent 人回来了', 'seat.intent 设备故障'])

  // A callback leaves the list when it is done, once, with its record.
  const row = boss.getByTestId(`callback-${missed.task}`)
  await row.getByTestId('callback-done').click()
  await until(() => boss.getByTestId('callback-yes').getAttribute('aria-disabled'), (d) => d === 'false')
  await shoot(boss, 'board-callback')
  await boss.getByTestId('callback-yes').click()
  await row.waitFor({ state: 'hidden' })
  const [done] = rows(demo, `SELECT b.state, a.reason, a.data->>'state' AS kept FROM callback b JOIN audit a ON a.subject = 'callback:' || b.id WHERE b.id = '${missed.task}'`)
  assert.deepEqual(done, { state: 'done', reason: '', kept: 'done' })

  // An alert has its act beside it; sixty seats fill the room as six do.
  change(demo, `
    UPDATE seat_state SET person = (SELECT id FROM person WHERE login_name = 'jieting02'), intent = 'ready', device = 'ok' WHERE seat = 'A02';
    UPDATE seat_work SET misses = 4 WHERE seat = 'A02'`)
  await boss.reload()
  await boss.getByTestId('alert-act-A02').click()
  await seen(boss, 'seat-yes')
  assert.match(await boss.getByRole('dialog').innerText(), /A02 席.*示忙/)
  await boss.getByTestId('reason-away').click()
  await yes()
  await gone(boss, 'alert-A02')
  change(demo, `
    INSERT INTO seat (id, line, kind, label) SELECT 'C' || lpad(n::text, 2, '0'), 'session', 'official', '席' FROM generate_series(1, 54) n;
    INSERT INTO seat_state (seat, since) SELECT id, now() FROM seat WHERE id LIKE 'C%' ON CONFLICT DO NOTHING;
    INSERT INTO seat_work (seat, since) SELECT id, now() FROM seat WHERE id LIKE 'C%' ON CONFLICT DO NOTHING;
    UPDATE seat_state SET intent = 'ready', device = 'ok', person = p.id FROM (SELECT id, row_number() OVER (ORDER BY login_name) AS n FROM person WHERE id NOT IN (SELECT person FROM seat_state WHERE person IS NOT NULL)) p
      WHERE seat = 'C' || lpad(p.n::text, 2, '0')`)
  await boss.reload()
  await seen(boss, 'board-seat-C54')
  await shoot(boss, 'board-sixty')
  const sizes = await boss.evaluate(() => {
    const grid = document.querySelector('.grid')
    return { fits: grid.scrollHeight <= grid.clientHeight && document.documentElement.scrollWidth <= innerWidth, cards: grid.children.length }
  })
  assert.equal(sizes.fits, true, 'sixty seats without scrolling at 1440 by 900')
  assert.deepEqual([...official.troubles, ...boss.troubles], [])
  await Promise.all([official, boss].map((p) => p.context().close()))
})
