import { describe, expect, it } from 'vitest'

import type { BoardSeat } from '@/api/types'

import { actsOf, alertsOf, columnsFor, waits } from './acts'

const seat = (over: Partial<BoardSeat> = {}): BoardSeat => ({
  id: 'A01', label: '', kind: 'official', line: 'session', unit_name: '', call: '', call_state: '', offer: '', device: 'ok', phone: 'browser',
  intent: 'ready', intent_since: '', pending: '', rest_code: '', rest_until: null, shown: 'ready', misses: 0, version: 3, work: 'idle', work_since: '',
  wrapup_until: null, person: { id: 'p', name: '李四' }, recorder: null, ...over,
})

describe('what may be done to a seat', () => {
  it.each([
    ['nobody sits there', seat({ person: null }), []],
    ['a recorder alone', seat({ person: null, recorder: { id: 'r', name: '记录' } }), ['recorder_out']],
    ['ready', seat(), ['rest', 'busy', 'sign_out']],
    ['busy', seat({ intent: 'busy' }), ['ready', 'rest', 'sign_out']],
    ['busy without sound', seat({ intent: 'busy', device: 'media_failed' }), ['rest', 'sign_out']],
    ['a rest that waits', seat({ work: 'engaged', pending: 'rest' }), ['cancel', 'busy', 'sign_out']],
    ['a sign-out that waits', seat({ work: 'engaged', pending: 'sign_out', recorder: { id: 'r', name: '' } }), ['cancel', 'rest', 'busy', 'recorder_out']],
  ] as const)('%s', (_, s, acts) => expect(actsOf(s)).toEqual(acts))

  it('waits for the end of a call', () => {
    expect((['rest', 'busy', 'sign_out', 'recorder_out', 'ready'] as const).filter((a) => waits(a, { work: 'engaged' }))).toEqual(['rest', 'busy', 'sign_out'])
    expect(waits('sign_out', { work: 'idle' })).toBe(false)
  })
})

describe('what wants a hand', () => {
  const told = (seats: BoardSeat[], away: Record<string, string> = {}) => alertsOf(seats, away).map((a) => `${a.seat.id} ${a.why} ${a.act}`)
  it('is a seat that is rung in vain, one without sound, one without a page; each once, with what mends it', () => {
    const seats = [
      seat({ id: 'A01' }), seat({ id: 'A02', misses: 2 }), seat({ id: 'A03', misses: 3 }), seat({ id: 'A04', shown: 'device_failed', device: 'unregistered' }), seat({ id: 'A05' }),
    ]
    expect(told(seats, { A03: 'x', A04: 'x', A05: 'x' })).toEqual(['A03 unanswered busy', 'A04 device busy', 'A05 page_away sign_out'])
  })
  it('is nothing that has been dealt with', () => {
    expect(told([seat({ misses: 9, intent: 'busy' }), seat({ misses: 9, pending: 'busy' }), seat({ misses: 9, person: null, intent: 'busy' })])).toEqual([])
    expect(told([seat({ pending: 'sign_out' })], { A01: 'x' })).toEqual([])
  })
})

it.each([[1, 1], [2, 2], [6, 3], [12, 4], [20, 5], [30, 6], [60, 8]])('%i seats fill the room in %i columns', (n, cols) => {
  expect(columnsFor(n)).toBe(cols)
})
