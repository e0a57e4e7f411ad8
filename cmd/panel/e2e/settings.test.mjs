// 设置: a supervisor changes what a line goes by, and two people of the office what is promised, each seeing what the others do without
// loading the page again.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { rows, seen, shoot, signIn, startBrowser, startDemo, text, until } from './stack.mjs'

let demo, browser
before(async () => {
  demo = await startDemo()
  browser = await startBrowser()
}, { timeout: 400000 })
after(async () => {
  await browser?.close()
  await demo?.stop()
})

const row = (page, key, scope) => text(page, `setting-${key}-${scope}`)

async function settingsOf(role, name) {
  const page = await signIn(browser, demo, role, undefined, name)
  await page.getByRole('link', { name: '设置' }).click()
  await seen(page, 'setting-line.wrapup-session')
  return page
}

async function change(page, key, scope, value, shot) {
  await page.getByTestId(`change-${key}-${scope}`).click()
  await page.getByTestId('setting-value').fill(value)
  await page.getByTestId('setting-reason').fill('等候的群众较多')
  if (shot) await shoot(page, `${shot}-form`)
  await page.getByTestId('setting-next').click()
  await seen(page, 'setting-ask')
  if (shot) await shoot(page, `${shot}-ask`)
  await page.getByTestId('setting-send').click()
}

test('settings are changed, approved and seen', { timeout: 240000 }, async () => {
  const supervisor = await settingsOf('supervisor')
  await shoot(supervisor, 'settings')
  await change(supervisor, 'line.wrapup', 'session', '45', 'settings-number')
  await until(() => row(supervisor, 'line.wrapup', 'session'), (s) => s.includes('45 秒') && s.includes('周班长'))

  const clerk = await settingsOf('office', 'bangongting')
  await change(clerk, 'promise.consultation', '', '2')
  await until(() => row(clerk, 'promise.consultation', ''), (s) => s.includes('等待审批 · 吴文书提出'))
  assert.equal(await clerk.getByTestId('agree-promise.consultation').count(), 0, 'nobody approves what is their own')
  await until(() => row(supervisor, 'promise.consultation', ''), (s) => s.includes('等待审批'))
  const second = await settingsOf('office', 'bangongting02')
  await seen(second, 'agree-promise.consultation')
  await shoot(second, 'settings-waits')
  await second.getByTestId('agree-promise.consultation').click()
  await shoot(second, 'settings-agree')
  await second.getByTestId('decide-yes').click()
  await until(() => row(clerk, 'promise.consultation', ''), (s) => s.includes('2 个工作日') && s.includes('郑文书已同意'))
  assert.equal(rows(demo, `SELECT 1 FROM audit WHERE subject LIKE 'setting:%' AND outcome = 'done'`).length, 3)

  await change(clerk, 'promise.other', '', '12')
  await seen(second, 'refuse-promise.other')
  await second.getByTestId('refuse-promise.other').click()
  await second.getByTestId('decide-why').fill('先听听各单位的意见')
  await second.getByTestId('decide-yes').click()
  await until(() => row(clerk, 'promise.other', ''), (s) => s.includes('郑文书') && s.includes('退回：先听听各单位的意见'))
  assert.equal(rows(demo, `SELECT 1 FROM audit WHERE subject = 'setting:promise.other' AND reason = '先听听各单位的意见'`).length, 1)

  await supervisor.getByTestId('change-line.ring-session').click()
  await supervisor.getByTestId('setting-value').fill('30')
  await supervisor.getByTestId('setting-reason').fill('等候的群众较多')
  await supervisor.getByTestId('setting-later').click()
  await supervisor.getByTestId('setting-from').locator('input').fill('2027-01-04 08:00')
  await supervisor.getByTestId('setting-from').locator('input').press('Enter')
  await supervisor.getByTestId('setting-next').click()
  await seen(supervisor, 'setting-ask')
  await supervisor.getByTestId('setting-send').click()
  await until(() => row(supervisor, 'line.ring', 'session'), (s) => s.includes('2027年1月4日 周一 08:00 起'))

  await second.getByTestId('change-calendar.workdays-2027').click()
  await seen(second, 'setting-value')
  await shoot(second, 'settings-paper')
  await second.keyboard.press('Escape')
  await supervisor.getByTestId('setting-line.wrapup-session').getByRole('button', { name: /历史/ }).click()
  await seen(supervisor, 'setting-history')
  await shoot(supervisor, 'settings-history')
  await supervisor.keyboard.press('Escape')
  await supervisor.getByTestId('locale-switch').click()
  await until(() => row(supervisor, 'line.wrapup', 'session'), (s) => s.includes('45 s'))
  await shoot(supervisor, 'settings-en')
  for (const p of [supervisor, clerk, second]) {
    assert.deepEqual(p.troubles, [])
    for (const width of [1280, 1440, 1920]) {
      await p.setViewportSize({ width, height: 800 })
      assert.ok(await p.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `no scrolling sideways at ${width}`)
    }
  }
})
