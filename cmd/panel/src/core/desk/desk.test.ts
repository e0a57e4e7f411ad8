// A recorder’s desk and the forms behind it: what news of the call does to what is being written (RU6).
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import type { Card, Ticket } from '@/api/types'
import { useDrafts } from '@/core/draft/drafts'

import { useDesk } from './desk'

const server = vi.hoisted(() => ({ call: null as unknown, listener: null as null | { fresh(): void } }))
vi.mock('@/lib/link', () => ({ useLink: () => ({ hold: () => () => undefined, listen: (l: { fresh(): void }) => ((server.listener = l), () => undefined) }) }))
vi.mock('@/api/seats', () => ({ seat: () => Promise.resolve({ id: 'A01', line: 'session', shown: 'talking', work: 'engaged' }), session: () => Promise.resolve(null) }))
vi.mock('@/api/calls', () => ({ callAtSeat: () => Promise.resolve({ call: server.call }), pop: () => new Promise(() => undefined) }))
vi.mock('@/api/tickets', () => ({
  ticket: (id: string) => Promise.resolve(ticket(id.slice(2))),
  register: () => new Promise(() => undefined),
  furtherAppeal: () => new Promise(() => undefined),
  ticketsOfCall: (call: string) => Promise.resolve({ tickets: [ticket(call)] }),
  tickets: () => Promise.resolve({ tickets: ['c1', 'c2'].map((call) => ({ id: `t-${call}`, call, seat: 'A01', kind: 'call' })) }),
  saveDraft: (id: string, version: number, edits: object) => Promise.resolve({ ...ticket(id.slice(2)), ...edits, version: version + 1 }),
}))

const ticket = (call: string): Ticket =>
  ({ id: `t-${call}`, call, version: 1, state: 'draft', kind: 'call', title: '', content: '', answer: '', class: '', outcome: '', contact_name: '', event_place: '', confidential: false, written: {} }) as never
const card = (id: string, state: string): Card => ({ id, state, version: 1, wrapup_until: null, answered_at: 'x' }) as never

beforeEach(() => {
  vi.useFakeTimers()
  setActivePinia(createPinia())
})
afterEach(() => vi.useRealTimers())

async function becomes(call: Card | null): Promise<void> {
  server.call = call
  server.listener?.fresh()
  await vi.advanceTimersByTimeAsync(1000)
}

it('keeps the form of a recorder who writes, and the call at hand waits for them', async () => {
  server.call = card('c1', 'talking')
  const desk = useDesk()
  const drafts = useDrafts()
  await desk.enter('A01', 'recorder')
  await vi.advanceTimersByTimeAsync(1000)
  expect(drafts.call).toBe('c1')
  drafts.type('title', '加装电梯')

  await becomes(null)
  await becomes(card('c2', 'offered'))
  await becomes(card('c2', 'talking'))
  expect([drafts.call, drafts.view?.title]).toEqual(['c1', '加装电梯'])
  expect(drafts.waiting).toBe('c2')

  drafts.leave()
  await vi.advanceTimersByTimeAsync(1000)
  expect([drafts.call, drafts.kept.map((k) => k.call)]).toEqual(['c2', ['c1']])
  await drafts.look({ id: 't-c1', call: 'c1' })
  expect(drafts.call).toBe('c1')
})
