// After the call: which appeal the choice is for (RU14), and what the next press will do (RU12).
import { createPinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createApp, nextTick, reactive, type App } from 'vue'

import { Problem } from '@/api/problem'
import type { TicketOutcome } from '@/api/types'
import { i18n } from '@/lib/i18n'

import AfterCall from './AfterCall.vue'

const stores = vi.hoisted(() => ({ drafts: {} as Record<string, unknown>, desk: {} as Record<string, unknown> }))
vi.mock('@/core/draft/drafts', () => ({ useDrafts: () => stores.drafts }))
vi.mock('@/core/desk/desk', () => ({ useDesk: () => stores.desk }))

const appeal = (title: string) => ({ ticket: { state: 'draft', title, outcome: '' as TicketOutcome, version: 1 }, clashes: [], flush: () => Promise.resolve() })
const next = vi.fn<(leave: boolean) => Promise<void>>()
let savers: ReturnType<typeof appeal>[]
let app: App, page: HTMLElement

beforeEach(() => {
  vi.useFakeTimers()
  next.mockReset().mockResolvedValue()
  savers = reactive([appeal('加装电梯'), appeal('楼道照明')])
  const drafts = reactive({
    savers, at: 0, kept: [],
    get saver() { return savers[this.at] },
    get view() { return savers[this.at]?.ticket },
    type: (_field: string, o: TicketOutcome) => Object.assign(savers[drafts.at]!.ticket, { outcome: o }),
  })
  stores.drafts = drafts
  stores.desk = reactive({ seat: { pending: '' }, card: { id: 'c' }, next })
  page = document.createElement('div')
  document.body.append(page)
  app = createApp(AfterCall, { card: { wrapup_until: null } })
  app.use(createPinia()).use(i18n).mount(page)
})
afterEach(() => {
  app.unmount()
  page.remove()
  vi.useRealTimers()
})

const at = (id: string): HTMLElement => page.querySelector(`[data-testid=${id}]`) as HTMLElement
async function press(id: string): Promise<void> {
  await vi.advanceTimersByTimeAsync(600)
  at(id).click()
  await nextTick()
}

it('asks for each appeal in its turn, and says which', async () => {
  expect(at('choose-question').textContent).toContain('诉求 1（加装电梯）')
  await press('choose-ticket')
  expect(at('choose-question').textContent).toContain('诉求 2（楼道照明）')
  at('choose-answered').click() // the second half of a double click
  expect(savers.map((s) => s.ticket.outcome)).toEqual(['ticket', ''])
  await press('choose-answered')
  expect(savers.map((s) => s.ticket.outcome)).toEqual(['ticket', 'answered'])
  expect(at('choose-question')).toBeNull()
})

it('says what the next press will do', async () => {
  expect(at('next-caller').textContent).toContain('请接下一位')
  stores.desk.seat = { pending: 'sign_out' }
  await nextTick()
  expect(at('next-caller').textContent).toContain('签出')
  expect(at('next-caller').textContent).not.toContain('下一位')
  next.mockRejectedValueOnce(new Problem(409, 'ticket.unfinished', '', [{ location: 'body.tickets.t.title' }]))
  await press('next-caller')
  await vi.advanceTimersByTimeAsync(0)
  expect(at('lacking').textContent).toContain('标题')
  expect(at('next-caller').textContent).toContain('先签出')
  await press('next-caller')
  expect(next.mock.calls).toEqual([[false], [true]])
})
