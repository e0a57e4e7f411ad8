import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createApp, nextTick, type App } from 'vue'

import type { Seat } from '@/api/types'
import { useDesk } from '@/core/desk/desk'
import { i18n } from '@/lib/i18n'

import SeatPage from './SeatPage.vue'

// The official's page with a call, but for its parts: what is looked at is which of them stands there.
const part = vi.hoisted(() => async (name: string, field = false) => {
  const { defineComponent, h } = await import('vue')
  return { default: defineComponent(() => () => h('div', { 'data-part': name }, field ? [h('textarea')] : [])) }
})
vi.mock('@/call/AfterCall.vue', () => part('after'))
vi.mock('@/call/CallerCard.vue', () => part('caller'))
vi.mock('@/call/DeviceCheck.vue', () => part('check'))
vi.mock('@/call/IncomingCard.vue', () => part('incoming'))
vi.mock('@/call/IntentBar.vue', () => part('intent'))
vi.mock('@/call/TalkControls.vue', () => part('talk'))
vi.mock('@/seat/StateHead.vue', () => part('head'))
vi.mock('@/ticket/DraftView.vue', () => part('reads'))
vi.mock('@/ticket/TicketForm.vue', () => part('writes', true))
vi.mock('vue-router', () => ({ useRouter: () => ({ replace: () => Promise.resolve() }) }))
vi.mock('@/login/identity', () => ({ useIdentity: () => ({ me: { seat: { id: 'A01', place: 'official' } } }) }))
vi.mock('@/call/phone', () => ({ usePhone: () => ({ ready: true, wasTested: () => true, holder: 'here', microphone: 'ok', registration: 'registered', line: 'talking' }) }))
vi.mock('@/core/draft/drafts', () => ({ useDrafts: () => ({ view: { id: 't', state: 'draft' }, saver: { draft: { base: { id: 't' } } }, savers: [], kept: [], call: 'c', waiting: '', at: 0 }) }))
vi.mock('@/lib/link', () => ({ useLink: () => ({ hold: () => () => undefined, listen: () => () => undefined }) }))
vi.mock('@/api/seats', () => ({ seat: () => new Promise(() => undefined), session: () => Promise.resolve(null) }))
vi.mock('@/api/calls', () => ({ callAtSeat: () => Promise.resolve({ call: null }) }))

const at = '2026-11-27T01:00:00Z'
const seat: Seat = {
  id: 'A01', label: '', kind: 'official', line: 'session', unit_name: '', person: { id: 'p', name: '张处长' }, recorder: { id: 'r', name: '李记录' },
  deputy: null, room: null, supervisor: null, away: [], phone: 'browser', intent: 'ready', rest_code: '', rest_until: null, pending: '', device: 'ok',
  intent_since: at, version: 1, work: 'engaged', work_since: at, wrapup_until: null, call: 'c', offer: null, misses: 0, shown: 'talking',
}
const card = {
  id: 'c', state: 'talking', masked: '138****5678', place: '合肥', arrived_at: at, queued_at: at, answered_at: at, seat: 'A01', muted: false,
  held_at: null, offer: null, wrapup_until: null, version: 3, outcome: '',
}

let app: App, page: HTMLElement
let desk: ReturnType<typeof useDesk>
beforeEach(async () => {
  const pinia = createPinia()
  setActivePinia(pinia)
  page = document.createElement('div')
  document.body.append(page)
  app = createApp(SeatPage, { id: 'A01' })
  app.use(pinia).use(i18n).mount(page)
  desk = useDesk()
  desk.card = card as never
  await tell({})
})
afterEach(() => {
  app.unmount()
  page.remove()
})

async function tell(over: Partial<Seat>): Promise<void> {
  desk.seat = { ...seat, ...over }
  await nextTick()
}
const form = (): string => page.querySelector('[data-part=writes], [data-part=reads]')?.getAttribute('data-part') ?? 'none'
const said = (): string => page.querySelector('[data-testid=recorder]')?.textContent ?? ''

it('opens the form by itself when the recorder’s page is gone, and closes it when it is back (RU13)', async () => {
  expect(form()).toBe('reads')
  expect(said()).toBe('记录员：李记录')
  await tell({ away: ['recorder'] })
  expect(form()).toBe('writes')
  expect(said()).toContain('暂离')
  await tell({})
  expect(form()).toBe('reads')
  await tell({ recorder: null })
  expect(form()).toBe('writes')
})

it('is not moved by who else is away', async () => {
  await tell({ deputy: { id: 'd', name: '王副' }, away: ['deputy'] })
  expect(form()).toBe('reads')
})

it('pulls nothing away from an official who is writing when the recorder comes back (RU6)', async () => {
  await tell({ away: ['recorder'] })
  page.querySelector('textarea')?.focus()
  await tell({})
  expect(form()).toBe('writes')
  page.querySelector<HTMLElement>('[data-testid=write-self]')?.click()
  await nextTick()
  expect(form()).toBe('reads')
})

it('opens again although the official had chosen to watch', async () => {
  const toggle = (): void => page.querySelector<HTMLElement>('[data-testid=write-self]')?.click()
  toggle()
  toggle()
  await nextTick()
  expect(form()).toBe('reads')
  await tell({ away: ['recorder'] })
  expect(form()).toBe('writes')
})

it('leaves the form and the focus where they are when the next call rings (RU1)', async () => {
  await tell({ away: ['recorder'] })
  const field = page.querySelector('textarea')
  field?.focus()
  desk.card = { ...card, id: 'c2', state: 'offered', answered_at: null, offer: { id: 'o', offered_at: at, expires_at: at } } as never
  await tell({ away: ['recorder'], shown: 'ringing' })
  expect(page.querySelector('[data-part=incoming]')).not.toBeNull()
  expect(page.querySelector('textarea')).toBe(field)
  expect(document.activeElement).toBe(field)
})
