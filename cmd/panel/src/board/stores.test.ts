import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createApp, defineComponent, h, nextTick, type App } from 'vue'

import { i18n, setLocale } from '@/lib/i18n'
import type { Listener } from '@/lib/socket'

import { useBoard } from './board'
import SeatCard from './SeatCard.vue'
import StoreNotice from './StoreNotice.vue'

let listener: Listener = {}
vi.mock('@/lib/link', () => ({ useLink: () => ({ hold: () => () => undefined, listen: (l: Listener) => ((listener = l), () => undefined) }) }))
vi.mock('@/login/identity', () => ({ useIdentity: () => ({ mayCallBack: false }) }))
vi.mock('@/api/calls', () => ({ board: () => Promise.reject(new Error('not here')), openCallbacks: () => Promise.resolve([]) }))

let app: App, page: HTMLElement
beforeEach(() => {
  const pinia = createPinia()
  setActivePinia(pinia)
  const board = useBoard()
  board.watch()
  page = document.createElement('div')
  app = createApp(defineComponent(() => () => h(StoreNotice, { ledger: board.ledgerAwaySince, queue: board.queueAwaySince })))
  app.use(pinia).use(i18n).mount(page)
})
afterEach(async () => {
  app.unmount()
  await setLocale('zh-CN')
})

async function says(data: Record<string, unknown>, topic = 'board'): Promise<string> {
  listener.gauge?.({ type: 'gauge', topic, at: '2026-11-27T00:40:00Z', data })
  await nextTick()
  return page.textContent ?? ''
}

it('tells since when the queue is away, in both languages, and nothing when it is back', async () => {
  expect(await says({ waiting: 3, queue_away_since: null })).toBe('')
  expect(await says({ waiting: 3, queue_away_since: '2026-11-27T00:31:05Z' })).toBe('排队缓存从 08:31 起没有响应。来电照常按先后顺序派给席位，请转告技术人员。')
  await setLocale('en')
  expect(await says({ queue_away_since: '2026-11-27T00:31:05Z' })).toMatch(/since 08:31.*still go to the seats in order/)
  expect(await says({ queue_away_since: null })).toBe('')
})

it('does not heed another topic, or a server that says nothing of it', async () => {
  expect(await says({ queue_away_since: '2026-11-27T00:31:05Z' }, 'waiting:session')).toBe('')
  await says({ queue_away_since: '2026-11-27T00:31:05Z' })
  expect(await says({ waiting: 3 })).toBe('')
})

it('tells that the database is away, what becomes of calls, and whom to tell', async () => {
  expect(await says({ ledger_away_since: '2026-11-27T00:31:05Z' })).toBe('数据库从 08:31 起没有响应。通话不中断，新来电已接入等待，恢复后按先后顺序派给席位。请立即通知技术人员。')
  await setLocale('en')
  expect(await says({ ledger_away_since: '2026-11-27T00:31:05Z' })).toMatch(/since 08:31.*answered and wait.*at once/)
  expect(await says({ ledger_away_since: null })).toBe('')
})

it('shows at its seat that a page is gone, since when, and nothing when it is back (F22)', async () => {
  const board = useBoard()
  const seat = { id: 'A01', shown: 'engaged', call_state: 'talking', person: { id: 'p', name: '张处长' }, recorder: null, misses: 5, since: '2026-11-27T00:30:00Z' }
  const card = createApp(defineComponent(() => () => h(SeatCard, { seat: seat as never, now: Date.parse('2026-11-27T00:32:10Z'), pageAway: board.pagesAway.A01 })))
  const at = document.createElement('div')
  card.use(i18n).mount(at)
  await says({ pages_away: [{ seat: 'A01', since: '2026-11-27T00:31:05Z' }] })
  expect(at.querySelector('[data-testid=page-away-A01]')?.textContent).toMatch(/页面断开\s*01:05/)
  await says({})
  expect(at.querySelector('[data-testid=page-away-A01]')).toBeNull()
  expect(at.textContent).toContain('连续 5 次未接')
  card.unmount()
})
