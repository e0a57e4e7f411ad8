import { describe, expect, it } from 'vitest'

import type { Card, Seat } from '@/api/types'
import type { Fact } from '@/lib/socket'

import { applied } from './news'
import { atCall, lookOf, serves, sinceOf, wordAt } from './wording'

const at = (s: string) => `2026-11-26T01:${s}Z`
const seat = (over: Partial<Seat> = {}): Seat => ({
  id: 'A01', label: '', kind: 'official', line: 'session', unit_name: '', person: { id: 'p', name: '张' }, recorder: null,
  phone: 'browser', intent: 'ready', rest_code: '', rest_until: null, pending: '', device: 'ok', intent_since: at('00:00'),
  version: 1, work: 'idle', work_since: at('05:00'), wrapup_until: null, call: null, offer: null, misses: 0, shown: 'ready', deputy: null, room: null, supervisor: null, away: [], ...over,
})
const card = (over: Partial<Card> = {}): Card => ({
  id: 'c1', state: 'talking', masked: '138****5678', place: '合肥', arrived_at: at('01:00'), queued_at: at('01:05'),
  answered_at: at('02:00'), seat: 'A01', muted: false, held_at: null, offer: null, wrapup_until: null, version: 3, outcome: '', ...over,
})

describe('the word of a seat', () => {
  it('is the call’s before the seat’s own row is read again', () => {
    expect(wordAt(seat(), card({ state: 'offered' }))).toBe('ringing')
    expect(wordAt(seat({ shown: 'ringing' }), card())).toBe('talking')
    expect(wordAt(seat({ shown: 'talking' }), card({ state: 'reconnecting' }))).toBe('reconnecting')
  })

  it.each(['talking', 'held', 'consulting', 'conference', 'transferring', 'reconnecting'] as const)('is %s whatever the seat’s row says', (state) => {
    expect(wordAt(seat({ shown: 'talking' }), card({ state }))).toBe(state)
    expect(serves(state) && atCall(state)).toBe(true)
  })

  it('times a hold from its own beginning, and not at all when nobody has heard it', () => {
    expect(sinceOf('held', seat(), card({ state: 'held', held_at: at('04:00') }))).toBe(at('04:00'))
    expect(sinceOf('held', seat(), card({ state: 'held' }))).toBeNull()
  })

  it('is the seat’s when no call is at it, and wrap-up only while it lasts', () => {
    expect(wordAt(seat({ shown: 'rest' }), null)).toBe('rest')
    const over = card({ state: 'ended', wrapup_until: at('09:00') })
    expect(wordAt(seat({ shown: 'wrap_up', work: 'wrap_up' }), over)).toBe('wrap_up')
    expect(wordAt(seat({ shown: 'ready', work: 'idle' }), over)).toBe('ready')
  })

  it('times idleness from the later of intent and work', () => {
    expect(sinceOf('ready', seat(), null)).toBe(at('05:00'))
    expect(sinceOf('ready', seat({ intent_since: at('07:00') }), null)).toBe(at('07:00'))
    expect(sinceOf('talking', seat(), card())).toBe(at('02:00'))
    expect(sinceOf('signed_out', seat(), null)).toBeNull()
  })

  it('pulses only where somebody must act', () => {
    expect(lookOf('ringing').pulse).toBe(true)
    expect(lookOf('talking').pulse).toBe(false)
  })
})

describe('a fact', () => {
  const fact = (kind: string, data: Record<string, unknown> = {}, subject = 'c1'): Fact => ({
    type: 'fact', position: '1-1', kind, subject, topics: [], at: at('06:00'), actor: 'controller', data,
  })

  it('puts the card on the screen before anything is fetched', () => {
    const c = applied(null, fact('call.offered', {
      seat: 'A01', offer: 'o1', masked: '138****5678', place: '合肥', queued_at: at('01:05'), offered_at: at('06:00'), expires_at: at('06:20'),
    }))
    expect(c).toMatchObject({ id: 'c1', state: 'offered', masked: '138****5678', offer: { id: 'o1', expires_at: at('06:20') } })
  })

  it('takes the card away when the call goes to somebody else', () => {
    expect(applied(card({ state: 'offered' }), fact('call.requeued'))).toBeNull()
    expect(applied(card({ state: 'offered', answered_at: null }), fact('call.ended'))).toBeNull()
  })

  it('puts the citizen on hold and takes them back', () => {
    const held = applied(card(), fact('call.held'))
    expect(held).toMatchObject({ state: 'held', held_at: at('06:00'), answered_at: at('02:00') })
    const back = applied(held, fact('call.resumed'))
    expect(back?.state).toBe('talking')
    expect(back?.held_at).toBeNull()
  })

  it('brings a person whose line was lost back to a citizen who is still on hold', () => {
    const held = applied(card(), fact('call.held'))
    const lost = applied(held, fact('call.reconnecting'))
    expect(lost?.state).toBe('reconnecting')
    expect(applied(lost, fact('call.talking', { held: true }))).toMatchObject({ state: 'held', held_at: at('06:00') })
    expect(applied(applied(card(), fact('call.reconnecting')), fact('call.talking'))?.state).toBe('talking')
  })

  it('says who is not heard', () => {
    const muted = applied(card(), fact('call.muted', { muted: true }))
    expect(muted).toMatchObject({ muted: true, state: 'talking' })
    expect(applied(muted, fact('call.muted', { muted: false }))?.muted).toBe(false)
    expect(applied(muted, fact('call.held'))?.muted).toBe(true)
  })

  it('keeps the card of a conversation for what comes after it', () => {
    expect(applied(card(), fact('call.ended'))?.state).toBe('ended')
    expect(applied(card({ answered_at: null, state: 'offered' }), fact('call.talking'))).toMatchObject({ state: 'talking', answered_at: at('06:00'), offer: null })
  })

  it('of another call leaves the card alone', () => {
    const c = card()
    expect(applied(c, fact('call.ended', {}, 'c2'))).toBe(c)
    for (const kind of ['call.requeued', 'call.held', 'call.resumed', 'call.muted']) expect(applied(c, fact(kind, {}, 'c2'))).toBe(c)
  })
})
