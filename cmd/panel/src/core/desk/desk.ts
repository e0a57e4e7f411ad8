// The desk: the seat that this person has, the call at it, and who waits behind it. It lives as long as the person sits
// there, whatever page is open.
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'

import * as calls from '@/api/calls'
import { asProblem, Problem } from '@/api/problem'
import * as api from '@/api/seats'
import type { Card, Place, Pop, Seat, Session } from '@/api/types'
import { coalesced } from '@/lib/coalesce'
import { useLink } from '@/lib/link'
import type { Fact, Gauge } from '@/lib/socket'
import { useDrafts } from '@/core/draft/drafts'

import { applied } from './news'
import { serves, wordAt, type Word } from './wording'

export const useDesk = defineStore('desk', () => {
  const link = useLink()
  const drafts = useDrafts()

  const seat = shallowRef<Seat | null>(null)
  const place = ref<Place>('official')
  const card = shallowRef<Card | null>(null)
  const pop = shallowRef<Pop | null>(null)
  const session = shallowRef<Session | null>(null)
  const waiting = ref<number | null>(null)
  const trouble = shallowRef<Problem | null>(null) // the first reading failed
  const phoneMovedTo = ref<string | null>(null) // client of the page that has the softphone now, from the log; '': none

  let release: (() => void)[] = []
  let id = ''
  let entering = Promise.resolve()

  const word = computed<Word>(() => (seat.value ? wordAt(seat.value, card.value) : 'signed_out'))

  // enter reads the seat once, however many pages ask for it.
  function enter(seatID: string, at: Place): Promise<void> {
    if (id !== seatID || place.value !== at) entering = read(seatID, at)
    return entering
  }

  async function read(seatID: string, at: Place): Promise<void> {
    leave()
    id = seatID
    place.value = at
    trouble.value = null
    drafts.enter(seatID, at === 'official')
    try {
      const [s] = await Promise.all([api.seat(seatID), readCall(), readSession()])
      if (id !== seatID) return
      seat.value = s
      release = [link.listen({ fact: heard, gauge, fresh: readAll }), link.hold([`seat:${seatID}`, `waiting:${s.line}`], false)]
    } catch (err) {
      if (id !== seatID) return
      trouble.value = asProblem(err)
      id = ''
      throw err
    }
  }

  function leave(): void {
    release.forEach((done) => done())
    release = []
    id = ''
    seat.value = card.value = pop.value = null
    waiting.value = null
    phoneMovedTo.value = null
    drafts.clear()
  }

  async function readCall(): Promise<void> {
    const at = id
    const { call } = await calls.callAtSeat(at)
    if (at === id) show(call)
  }

  async function readSession(): Promise<void> {
    session.value = await api.session().catch(() => session.value) // the header may wait; the call may not
  }

  const refreshCall = coalesced(async () => (id === '' ? undefined : readCall()), 100)
  const refreshSeat = coalesced(async () => {
    const at = id
    if (at === '') return
    const s = await api.seat(at)
    if (at === id) seat.value = s
  }, 100)

  function readAll(): void {
    refreshSeat()
    refreshCall()
    void readSession()
  }

  function show(next: Card | null): void {
    const before = card.value
    card.value = next
    if (next && before?.id !== next.id) void readPop(next.id)
    if (before?.id !== next?.id) pop.value = null
    drafts.happened({ is: 'call', id: next?.id ?? '', stage: next?.state === 'offered' ? 'ringing' : next && serves(next.state) ? 'serving' : 'over' })
  }

  async function readPop(call: string): Promise<void> {
    try {
      const p = await calls.pop(call)
      if (card.value?.id === call) pop.value = p
    } catch {
      // the card stands without it; the next snapshot asks again
    }
  }

  function heard(f: Fact): void {
    drafts.heard(f)
    if (f.kind.startsWith('seat.') && f.subject === id) {
      if (f.kind === 'seat.client') phoneMovedTo.value = String(f.data.client ?? '')
      refreshSeat()
      if (f.kind === 'seat.work') refreshCall()
    }
    if (f.kind.startsWith('call.') && f.data.seat === id) {
      // What the fact tells is shown at once; the full card follows.
      const news = applied(card.value, f)
      if (news !== card.value) show(news)
      refreshCall()
      refreshSeat()
    }
  }

  function gauge(g: Gauge): void {
    if (seat.value && g.topic === `waiting:${seat.value.line}` && typeof g.data.waiting === 'number') waiting.value = g.data.waiting
  }

  // act sends a command that answers with the seat; stale versions read anew, so that the next press is right.
  async function act(command: (s: Seat) => Promise<Seat>): Promise<void> {
    if (!seat.value) return
    try {
      const after = await command(seat.value)
      if (after.id === id) seat.value = after
    } catch (err) {
      refreshSeat()
      throw err
    }
  }

  // onCall sends a command about the call as it is on the screen. The version may be older than what the person has seen
  // happen: then the answer tells the call as it is, and if it still does what it did when the button was pressed, the press counts.
  async function onCall(command: (c: Card) => Promise<unknown>): Promise<void> {
    const seen = card.value
    if (!seen) return
    const still = (now: Card | null): now is Card => now?.id === seen.id && now.state === seen.state
    try {
      if (seen.version === 0) await readCall() // only the news has told of it yet
      const known = seen.version === 0 ? card.value : seen
      if (!still(known)) throw new Problem(409, 'version.stale', '', [], known)
      await command(known)
    } catch (err) {
      const p = asProblem(err)
      const now = p.now as Card | null | undefined
      if (p.code !== 'version.stale' || now === undefined) throw err
      show(now)
      if (!still(now)) throw err
      await command(now)
    } finally {
      refreshCall()
    }
  }

  const hangUp = (): Promise<void> => onCall(calls.hangup)
  const hold = (on: boolean): Promise<void> => onCall((c) => calls.hold(c, on))
  const mute = (on: boolean): Promise<void> => onCall((c) => calls.mute(c, on))

  const intend = (wish: api.Wish): Promise<void> => act((s) => api.intend(s.id, s.version, wish))
  const cancelPending = (): Promise<void> => act((s) => api.cancelPending(s.id, s.version))

  // signOut leaves the place; in a call it is only noted (A4) and the seat stays.
  async function signOut(): Promise<boolean> {
    let gone = false
    await act(async (s) => {
      const after = await api.signOut(s.id, place.value)
      gone = after.pending !== 'sign_out'
      return after
    })
    if (gone) leave()
    return gone
  }

  // next ends the wrap-up that is on the screen. If that is over already, by time or by whoever sits here too, it is what was wanted.
  async function next(leave: boolean): Promise<void> {
    if (!card.value) return
    try {
      await calls.next(id, card.value.id, leave)
      drafts.leave()
    } catch (err) {
      if (asProblem(err).code !== 'version.stale') throw err
    } finally {
      refreshSeat()
      refreshCall()
    }
  }

  return {
    seat, place, card, pop, session, waiting, trouble, word, phoneMovedTo,
    enter, leave, intend, cancelPending, signOut, next, hangUp, hold, mute, refreshSeat, refreshCall,
  }
})
