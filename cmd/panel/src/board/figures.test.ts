import { describe, expect, it } from 'vitest'

import type { Board, Counts } from '@/api/types'
import type { Fact } from '@/lib/socket'

import { figures } from './figures'
import { moved } from './moved'

const now = Date.parse('2026-11-26T01:00:00Z')
const counts = (over: Partial<Counts> = {}): Counts => ({
  offered: 0, answered: 0, abandoned: 0, short: 0, flow_out: 0, answered_15s: 0, talk_s_avg: null, wait_s_avg: null,
  wait_s_max: null, in_session: true, ...over,
})
const line = (...seconds: number[]) => ({
  id: 'session',
  name: '场次',
  waiting: seconds.map((s, n) => ({
    call: `c${n}`, masked: '138****5678', place: '合肥', queued_at: new Date(now - s * 1000).toISOString(), state: 'queued' as const,
  })),
})
const texts = (...args: Parameters<typeof figures>) => Object.fromEntries(figures(...args).map((f) => [f.code, f.text]))

describe('the strip', () => {
  it('says — for 0/0, never 100 %', () => {
    expect(texts([line()], counts(), counts(), now)).toEqual({
      waiting: '0', longest: '—', answer_rate: '—', within_15s: '—', abandoned: '0', talk_avg: '—', offered: '0',
    })
  })

  it('counts every offered call in the denominator', () => {
    const session = counts({ offered: 20, answered: 17, abandoned: 1, short: 2, answered_15s: 16, talk_s_avg: 151 })
    const t = texts([line(4, 47)], session, counts({ offered: 31 }), now)
    expect(t).toMatchObject({ waiting: '2', longest: '00:47', answer_rate: '85%', within_15s: '94.1%', talk_avg: '02:31', offered: '31' })
  })

  it.each([
    [14, 'calm'],
    [15, 'amber'],
    [44, 'amber'],
    [45, 'red'],
  ])('a wait of %i s is %s', (s, urgency) => {
    expect(figures([line(s)], counts(), counts(), now).find((f) => f.code === 'longest')?.urgency).toBe(urgency)
  })
})

it('moves the waiting by facts, and a repeated fact changes nothing more', () => {
  const board: Board = { position: '1-1', at: '', lines: [line(3, 2)], seats: [], counts: counts(), today: counts() }
  const fact = (kind: string): Fact => ({ type: 'fact', position: '1-2', kind, subject: 'c0', topics: [], at: '', actor: '', data: {} })
  const offered = moved(board, fact('call.offered'))
  expect(offered.lines[0]?.waiting[0]?.state).toBe('offered')
  const talking = moved(moved(offered, fact('call.talking')), fact('call.talking'))
  expect(talking.lines[0]?.waiting.map((w) => w.call)).toEqual(['c1'])
  expect(moved(offered, fact('call.requeued')).lines[0]?.waiting[0]?.state).toBe('queued')
})

it('moves a caller into another line, in order of arrival', () => {
  const operators = { id: 'operators', name: '普通热线', waiting: line(9, 1).waiting.map((w) => ({ ...w, call: `o-${w.call}` })) }
  const board: Board = { position: '1-1', at: '', lines: [line(3, 2), operators], seats: [], counts: counts(), today: counts() }
  const to = (id: string): Fact => ({ type: 'fact', position: '1-2', kind: 'call.moved', subject: 'c0', topics: [], at: '', actor: '', data: { line: id, from: 'session' } })
  const after = moved(board, to('operators'))
  expect(after.lines.map((l) => l.waiting.map((w) => w.call))).toEqual([['c1'], ['o-c0', 'c0', 'o-c1']])
  expect(moved(after, to('operators'))).toEqual(after)
  expect(moved(board, to('unknown'))).toBe(board)
})
