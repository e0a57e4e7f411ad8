import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, nextTick, ref, type EffectScope } from 'vue'

import { Problem } from '@/api/problem'
import * as api from '@/api/tickets'
import type { TicketLine } from '@/api/types'

import { nearOf } from './due'
import { changes, chipOf, chips, fromAddress, narrowed, noFilters, type Filters } from './list'
import { useTickets } from './useTickets'

vi.mock('@/api/tickets')

const line = (id: string, over: Partial<TicketLine> = {}): TicketLine => ({ id, version: 1, live: false, title: id, ...over }) as TicketLine

describe('the filters', () => {
  it('go into the address and come back', () => {
    const f: Filters = { state: '', due: 'overdue', class: 'other', unit: 'EDU', q: ' 2026-A ' }
    expect(narrowed(f)).toEqual({ due: 'overdue', class: 'other', unit: 'EDU', q: '2026-A' })
    expect(fromAddress(narrowed(f))).toEqual({ ...f, q: '2026-A' })
  })
  it('are none where the address says nothing that is one', () => {
    expect(fromAddress({ state: 'lost', due: ['today'], class: 'vip', unit: null, q: undefined })).toEqual(noFilters)
    expect(narrowed(noFilters)).toEqual({})
  })
  it('have a chip each', () => {
    for (const c of chips) expect(chipOf({ ...noFilters, state: c.state, due: c.due })).toBe(c.name)
  })
})

it.each([
  ['2026-12-01T16:00:00Z', '2026-12-01T16:00:00Z', 'red', 1],
  ['2026-12-01T16:00:00Z', '2026-12-02T15:59:59Z', 'red', 1],
  ['2026-12-01T16:00:00Z', '2026-12-02T16:00:00Z', 'red', 2],
  ['2026-12-01T16:00:00Z', '2026-12-01T15:59:59Z', 'amber', 0],
  ['2026-12-01T16:00:00Z', '2026-11-30T16:00:00Z', 'amber', 0], // its last day begins
  ['2026-12-01T16:00:00Z', '2026-11-30T15:59:59Z', 'calm', 1],
  ['2026-12-01T16:00:00Z', '2026-11-26T01:00:00Z', 'calm', 5],
])('a promise until %s is at %s %s %i', (due, now, urgency, days) => {
  expect(nearOf(due, Date.parse(now))).toEqual({ urgency, days })
})

it('counts what is new, changed and gone', () => {
  const shown = [line('a'), line('b'), line('c', { live: true })]
  expect(changes(shown, shown)).toBe(0)
  expect(changes(shown, [...shown].reverse())).toBe(0)
  expect(changes(shown, [line('x'), line('a', { version: 2 }), line('c')])).toBe(4) // x came, a was changed, the call of c is over, b has gone
})

describe('the list', () => {
  let scope: EffectScope
  let there: TicketLine[]
  const held = ref(false)
  const filters = ref<Filters>(noFilters)
  let l: ReturnType<typeof useTickets>
  const rows = (): string => (l.list.value ?? []).map((k) => `${k.id}${k.version}`).join(' ')
  const news = async (): Promise<void> => {
    l.heard()
    await vi.advanceTimersByTimeAsync(500)
  }

  beforeEach(async () => {
    vi.useFakeTimers()
    held.value = false
    filters.value = noFilters
    there = Array.from({ length: 40 }, (_, n) => line(`k${n}`))
    vi.mocked(api.tickets).mockReset().mockImplementation(async (q) => {
      const from = q.cursor ? Number(q.cursor) : 0
      const to = from + (q.limit ?? 50)
      return { tickets: there.slice(from, to), next_cursor: to < there.length ? String(to) : '', count: there.length }
    })
    scope = effectScope()
    l = scope.run(() => useTickets(filters, held))!
    await vi.advanceTimersByTimeAsync(500)
  })
  afterEach(() => {
    scope.stop()
    vi.useRealTimers()
  })

  it('moves by itself while nobody points at it', async () => {
    there = [line('new'), ...there]
    await news()
    expect(rows().startsWith('new1 k01')).toBe(true)
    expect(l.updates.value).toBe(0)
    expect(l.count.value).toBe(41)
  })

  it('keeps still under a pointer, says how much there is, and moves when it is asked (RU14)', async () => {
    held.value = true
    const before = rows()
    there = [line('new'), line('k0', { version: 2 }), ...there.slice(1)]
    await news()
    expect(rows()).toBe(before)
    expect(l.updates.value).toBe(3) // one came, one was changed, the last of the page has gone to the next
    l.merge()
    expect(rows().startsWith('new1 k02')).toBe(true)
    expect(l.updates.value).toBe(0)
  })

  it('moves when the pointer has gone', async () => {
    held.value = true
    there = [line('new'), ...there]
    await news()
    held.value = false
    await nextTick()
    expect(rows().startsWith('new1')).toBe(true)
  })

  it('says nothing of news that change nothing here', async () => {
    held.value = true
    await news()
    expect(l.updates.value).toBe(0)
  })

  it('keeps all that somebody has paged to', async () => {
    await l.readMore()
    expect(l.list.value).toHaveLength(40)
    there = [line('new'), ...there]
    await news()
    expect(l.list.value).toHaveLength(40)
    expect(rows().startsWith('new1')).toBe(true)
    expect(l.cursor.value).toBe('40')
  })

  it('forgets what an older question is answered', async () => {
    let answer: (page: api.TicketPage) => void = () => undefined
    vi.mocked(api.tickets).mockImplementationOnce(() => new Promise((done) => (answer = done)))
    l.heard()
    await vi.advanceTimersByTimeAsync(0)
    filters.value = { ...noFilters, due: 'overdue' }
    there = [line('late')]
    await vi.advanceTimersByTimeAsync(500)
    answer({ tickets: [line('old')], next_cursor: '', count: 1 })
    await vi.advanceTimersByTimeAsync(500)
    expect(rows()).toBe('late1')
    expect(vi.mocked(api.tickets)).toHaveBeenLastCalledWith({ limit: 30, due: 'overdue' })
  })

  it('stays on the screen when it cannot be read again', async () => {
    vi.mocked(api.tickets).mockRejectedValueOnce(new Problem(0, 'unreachable'))
    await news()
    expect(l.trouble.value?.code).toBe('unreachable')
    expect(l.list.value).toHaveLength(30)
    await news()
    expect(l.trouble.value).toBe(null)
  })
})
