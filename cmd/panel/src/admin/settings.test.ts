import { createPinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createApp, h, nextTick, type App } from 'vue'

import { Problem } from '@/api/problem'
import * as api from '@/api/settings'
import type { Setting, SettingChange } from '@/api/types'
import { i18n, setLocale } from '@/lib/i18n'

import { diff, instantOf, lines, sections, wrong } from './settings'
import SettingsPage from './SettingsPage.vue'

vi.mock('@/lib/link', () => ({ useFacts: () => undefined, useLink: () => ({ troubled: false }) }))
vi.mock('@/api/settings')

const zhou = { id: 'p1', name: '周班长' }
const change = (over: Partial<SettingChange> = {}): SettingChange => ({
  version: 2, value: '5', before: '3', state: 'waiting', effective_from: '2026-11-26T00:30:00Z', reason: '人少', author: { id: 'p2', name: '吴文书' },
  proposed_at: '2026-11-26T00:30:00Z', ...over,
})
const setting = (over: Partial<Setting> = {}): Setting => ({
  key: 'line.wrapup', scope: 'session', scope_name: '接热线', kind: 'number', unit: 's', min: 0, max: 3600, choices: [], two_people: false, value: '120',
  initial: '120', newest: 1, to_come: [], may_propose: true, may_approve: false,
  in_force: change({ version: 1, value: '120', state: 'in_force', author: zhou, in_force_from: '2026-11-26T00:30:00Z' }), ...over,
})
const limit = (over: Partial<Setting> = {}): Setting =>
  setting({ key: 'promise.consultation', scope: '', scope_name: '', unit: 'workdays', min: 1, max: 60, value: '3', initial: '3', newest: 0, two_people: true, in_force: undefined, ...over })

describe('what settings say', () => {
  it('stands in a section for each line', () => {
    const all = sections([setting(), setting({ scope: 'ordinary', scope_name: '总机' }), setting({ key: 'line.ring' }), limit()])
    expect(all.map((s) => [s.group, s.name, s.settings.length])).toEqual([['line', '接热线', 2], ['line', '总机', 1], ['promise', '', 1]])
  })
  it('names what cannot be sent', () => {
    const s = setting({ min: 5, max: 120, value: '20' })
    expect(['4', '121', '', '1.5', '20', ' 30 '].map((v) => wrong(s, v)?.what)).toEqual(['number', 'number', 'number', 'number', 'same', undefined])
    expect(wrong(s, '20', true), 'what is planned in between is undone by it').toBeNull()
    const y = setting({ key: 'calendar.workdays', scope: '2027', kind: 'days', value: '2027-01-01\toff\t元旦\n' })
    expect([wrong(y, ' '), wrong(y, '2027-01-01 休 元旦'), wrong(y, '2026-12-31 休 元旦\n\n# x\n2027-01-02 班 元旦')]).toEqual([{ what: 'paper' }, { what: 'same' }, null])
    const bad = { '2027-01-01 休': 'fields', '2027-01-01 休 元 旦': 'fields', '2027-02-29 休 x': 'date', '2027-1-1 休 x': 'date', '2026-11-30 休 x': 'year', '2028-01-01 休 x': 'year', '2027-01-02 假 x': 'kind', '2027-01-01 班 x': 'twice' }
    for (const [text, what] of Object.entries(bad)) expect(wrong(y, `2027-01-01 休 元旦\n${text}`), text).toEqual({ what, line: 2, day: text.split(' ')[0] })
  })
  it('tells the days of a paper apart', () => {
    expect(lines('2027-01-01\toff\t元旦\n# x\n\n2027-01-03\twork\t元旦')).toEqual(['2027-01-01 休 元旦', '2027-01-03 班 元旦'])
    expect(diff('2027-01-01\toff\t元旦\n2027-01-02\toff\t元旦', '2027-01-01 休 元旦\n2027-01-03 班 元旦')).toEqual({ gone: ['2027-01-02 休 元旦'], come: ['2027-01-03 班 元旦'] })
  })
  it('takes a time as that of Beijing, and only one to come', () => {
    const now = Date.parse('2026-11-26T00:00:00Z')
    expect(instantOf('2026-11-26T08:30', now)).toBe('2026-11-26T00:30:00.000Z')
    expect([instantOf('2026-11-26T08:00', now), instantOf('', now)]).toEqual([null, null])
  })
})

describe('the page', () => {
  let app: App, page: HTMLElement
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 6; i++) await nextTick()
  }
  async function open(all: Setting[] | Problem): Promise<void> {
    vi.mocked(api.settings).mockImplementation(() => (all instanceof Problem ? Promise.reject(all) : Promise.resolve(all)))
    page = document.createElement('div')
    document.body.append(page)
    app = createApp({ render: () => h(SettingsPage) })
    app.use(createPinia()).use(i18n).mount(page)
    await settle()
  }
  const at = (id: string): HTMLElement | null => document.querySelector(`[data-testid="${id}"]`)
  const click = async (id: string): Promise<void> => {
    at(id)?.click()
    await settle()
  }
  const type = async (id: string, text: string): Promise<void> => {
    const found = at(id)
    const input = found?.matches('input, textarea') ? found : found?.querySelector('input, textarea')
    ;(input as HTMLInputElement).value = text
    input?.dispatchEvent(new Event('input'))
    await settle()
  }
  beforeEach(() => {
    vi.mocked(api.propose).mockResolvedValue(undefined)
  })
  afterEach(async () => {
    app.unmount()
    document.body.innerHTML = ''
    await setLocale('zh-CN')
    vi.clearAllMocks()
  })

  it('shows value, unit, since when and by whom, and what is to come', async () => {
    await open([setting(), limit({ to_come: [change()] })])
    expect(at('setting-line.wrapup-session')?.textContent).toMatch(/话后整理时间.*120 秒.*11月26日 周四 08:30.*周班长/s)
    expect(at('setting-promise.consultation-')?.textContent).toMatch(/咨询类.*3 个工作日.*初始值，未改过.*3 个工作日 → 5 个工作日.*等待审批 · 吴文书提出/s)
    expect((at('change-promise.consultation-') as HTMLButtonElement).disabled).toBe(true)
    await setLocale('en')
    await settle()
    expect(at('setting-line.wrapup-session')?.textContent).toMatch(/Wrap-up time.*120 s.*Thu 26 Nov/s)
  })

  it('asks before anything happens, and says what will', async () => {
    await open([setting()])
    await click('change-line.wrapup-session')
    await type('setting-value', '4000')
    await click('setting-next')
    expect(document.body.textContent).toContain('请填 0 至 3600 之间的整数。')
    expect(document.body.textContent).toContain('请写明原因。')
    await type('setting-value', '60')
    await type('setting-reason', '等候的群众多')
    await click('setting-next')
    expect(api.propose).not.toHaveBeenCalled()
    expect(at('setting-ask')?.textContent).toMatch(/120 秒 → 60 秒.*立即生效.*正在计时的不变/s)
    await click('setting-send')
    expect(api.propose).toHaveBeenCalledWith('line.wrapup', { scope: 'session', value: '60', seen: 1, reason: '等候的群众多' })
  })

  it('keeps what was typed when it is refused, and says why', async () => {
    vi.mocked(api.propose).mockRejectedValue(new Problem(409, 'setting.stale'))
    await open([setting()])
    await click('change-line.wrapup-session')
    await type('setting-value', '60')
    await type('setting-reason', 'x')
    await click('setting-next')
    await click('setting-send')
    expect(at('setting-trouble')?.textContent).toContain('刚刚有人改过')
    expect((at('setting-value') as HTMLInputElement).value).toBe('60')
  })

  it('lets the second person agree, and nobody else', async () => {
    await open([limit({ to_come: [change()] })])
    expect(at('agree-promise.consultation')).toBeNull()
    expect(at('settings-todo')).toBeNull()
    app.unmount()
    document.body.innerHTML = ''
    await open([limit({ to_come: [change()], may_approve: true })])
    expect(at('settings-todo')?.textContent).toMatch(/有 1 项改动等您同意.*咨询类/s)
    await click('agree-promise.consultation')
    expect(api.answer).not.toHaveBeenCalled()
    expect(at('setting-decide')?.textContent).toMatch(/3 个工作日 → 5 个工作日.*吴文书.*人少.*已经作出的承诺不变/s)
    await click('decide-yes')
    expect(api.answer).toHaveBeenCalledWith('promise.consultation', '', 2, true, '')
  })

  it('asks why not, and tells who had asked', async () => {
    await open([limit({ to_come: [change()], may_approve: true })])
    await click('refuse-promise.consultation')
    expect((at('decide-yes') as HTMLButtonElement).disabled).toBe(true)
    await type('decide-why', '再议')
    await click('decide-yes')
    expect(api.answer).toHaveBeenCalledWith('promise.consultation', '', 2, false, '再议')
    app.unmount()
    await open([limit({ dropped: change({ state: 'withdrawn', withdrawer: zhou, withdrawn_at: '2026-11-26T01:00:00Z', withdrawn_why: '再议' }) })])
    expect(at('setting-promise.consultation-')?.textContent).toMatch(/没有采用：3 个工作日 → 5 个工作日.*周班长 11月26日 周四 09:00 退回：再议/s)
  })

  it('shows what somebody else has made of it meanwhile, and asks on top of that', async () => {
    await open([setting()])
    await click('change-line.wrapup-session')
    await type('setting-value', '60')
    await type('setting-reason', 'x')
    await click('setting-next')
    vi.mocked(api.propose).mockRejectedValueOnce(new Problem(409, 'setting.stale'))
    vi.mocked(api.settings).mockResolvedValue([setting({ value: '90', newest: 2 })])
    await click('setting-send')
    expect(document.body.textContent).toContain('现在是：90 秒')
    await click('setting-next')
    expect(at('setting-ask')?.textContent).toContain('90 秒 → 60 秒')
    await click('setting-send')
    expect(api.propose).toHaveBeenLastCalledWith('line.wrapup', { scope: 'session', value: '60', seen: 2, reason: 'x' })
  })

  it('says who may change what one may not, and which days a paper lacks', async () => {
    await open([setting(), limit({ may_propose: false })])
    expect(page.textContent).toContain('由省政府办公厅修改，须另一人同意')
    expect(page.textContent).not.toContain('由班长或系统管理员修改')
    app.unmount()
    document.body.innerHTML = ''
    vi.mocked(api.propose).mockRejectedValue(new Problem(422, 'setting.incomplete', '', [{ location: 'body.value', message: 'in English', value: '2027-02-05 2027-02-08' }]))
    await open([setting({ key: 'calendar.workdays', scope: '2027', kind: 'days', value: '', two_people: true })])
    await click('change-calendar.workdays-2027')
    await type('setting-value', '2027-01-01 休 元旦')
    await type('setting-reason', 'x')
    await click('setting-next')
    await click('setting-send')
    expect(at('setting-trouble')?.textContent).toBe('这份安排还不全，下面的法定节假日没有列为“休”：2027-02-05 2027-02-08')
  })

  it('offers no change to who may only read, and tells trouble and emptiness', async () => {
    await open([setting({ may_propose: false })])
    expect(at('change-line.wrapup-session')).toBeNull()
    app.unmount()
    await open([])
    expect(page.textContent).toContain('还没有可以设置的内容')
    app.unmount()
    await open(new Problem(503, 'unavailable'))
    expect(page.querySelector('[role=alert]')?.textContent).toMatch(/服务器正忙.*再试一次/s)
    app.unmount()
    await open(new Problem(403, 'not_allowed'))
    expect(page.querySelector('[role=alert]')?.textContent).toContain('没有权限')
    expect(page.querySelector('[role=alert] button')).toBeNull()
  })
})
