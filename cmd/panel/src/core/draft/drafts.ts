// The drafts in front, one saver per ticket, and those that were left unfinished.
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'

import * as api from '@/api/tickets'
import type { Ticket, TicketFields, TicketLine } from '@/api/types'
import { clock } from '@/lib/clock'
import { coalesced } from '@/lib/coalesce'
import type { Fact } from '@/lib/socket'

import type { Field, Unsaved } from './draft'
import { nothing, step, waits, type Event, type Form, type Front } from './front'
import { Saver } from './saver'

const key = (id: string): string => `hotline.draft.${id}`

// What is not saved yet outlives a reload, in this tab only: it is what a citizen said.
export const keep = {
  get(id: string): Unsaved | null {
    try {
      return JSON.parse(sessionStorage.getItem(key(id)) ?? 'null') as Unsaved | null
    } catch {
      return null
    }
  },
  set(id: string, unsaved: Unsaved | null): void {
    if (unsaved) sessionStorage.setItem(key(id), JSON.stringify(unsaved))
    else sessionStorage.removeItem(key(id))
  },
}

const hasWords = (t: Ticket): boolean => [t.title, t.content, t.answer, t.contact_name, t.event_place].some((w) => w !== '')

export const useDrafts = defineStore('drafts', () => {
  const front = shallowRef<Front>(nothing)
  const call = computed(() => front.value.call)
  const waiting = computed(() => waits(front.value)) // the call at the seat whose form is not the one in front
  const kept = shallowRef<TicketLine[]>([]) // of this seat, begun and not registered, without those in front
  let seat = ''
  let writing = false
  let mine = false
  const savers = shallowRef<Saver[]>([])
  const at = ref(0)
  let patience: ReturnType<typeof setTimeout> | undefined

  const saver = computed(() => savers.value[at.value] ?? null)
  // view is the ticket in front, as the form shows it.
  const view = computed(() => saver.value?.ticket ?? null)

  function form(): Form {
    const open = savers.value.filter((s) => s.ticket.state === 'draft' && s.ticket.kind !== 'missed')
    return { unfinished: open.length > 0, words: open.some((s) => (mine ? s.typed : hasWords(s.ticket))), writing }
  }

  // happened moves the forms: a call came to the seat or went, or the person leaves the form in front.
  function happened(e: Event): void {
    const next = step(front.value, e, form(), mine)
    const changes = next.call !== front.value.call
    if (changes || next.at !== front.value.at) refreshKept()
    front.value = next
    if (!changes) return void (next.call && e.is === 'call' && open(next.call))
    letGo()
    if (next.call) void open(next.call)
  }

  // enter begins at a seat; mine: its official's place.
  function enter(at: string, official: boolean): void {
    seat = at
    mine = official
    refreshKept()
  }

  const refreshKept = coalesced(async () => {
    const at = seat
    if (at === '') return
    const { tickets } = await api.tickets({ state: 'draft', limit: 50 })
    if (at === seat) kept.value = tickets.filter((k) => k.seat === at && k.kind !== 'missed' && k.call !== front.value.call && k.call !== front.value.at)
  }, 500)

  // look brings a draft that was left back to the front.
  async function look(k: Pick<TicketLine, 'id' | 'call'>): Promise<void> {
    letGo()
    front.value = { ...front.value, call: k.call }
    await open(k.call)
    at.value = Math.max(0, savers.value.findIndex((s) => s.draft.base.id === k.id))
    refreshKept()
  }

  function saverOf(t: Ticket): Saver {
    return new Saver(t, { save: api.saveDraft, read: api.ticket, register: api.register, now: () => clock.now(), keep })
  }

  // open shows the drafts of a call. The first one is written a moment after admission, so an empty answer is asked again.
  async function open(id: string, tries = 8): Promise<void> {
    clearTimeout(patience)
    try {
      const { tickets } = await api.ticketsOfCall(id)
      if (call.value !== id) return
      take(tickets)
    } catch {
      // asked again below, and at the next fact
    }
    if (savers.value.length === 0 && tries > 0) patience = setTimeout(() => void open(id, tries - 1), 400)
  }

  function take(tickets: Ticket[]): void {
    const known = new Map(savers.value.map((s) => [s.draft.base.id, s]))
    savers.value = tickets.map((t) => {
      const s = known.get(t.id)
      if (!s) return saverOf(t)
      s.heard(t)
      return s
    })
    if (at.value >= savers.value.length) at.value = Math.max(0, savers.value.length - 1)
  }

  // clear ends it at this seat.
  function clear(): void {
    letGo()
    front.value = nothing
    kept.value = []
    seat = ''
  }

  // letGo puts the form in front away; what was typed last is saved on the way.
  function letGo(): void {
    clearTimeout(patience)
    writing = false
    for (const s of savers.value) {
      s.leave()
      void s.flush().finally(() => s.close())
    }
    savers.value = []
    at.value = 0
  }

  function heard(f: Fact): void {
    if (!f.kind.startsWith('ticket.')) return
    if (kept.value.length > 0 && f.data.call !== call.value) refreshKept()
    if (call.value === '') return
    const s = savers.value.find((known) => known.draft.base.id === f.subject)
    if (!s) {
      if (f.data.call === call.value) void open(call.value)
      return
    }
    const version = typeof f.data.version === 'number' ? f.data.version : Infinity
    if (version <= s.draft.base.version) return // our own change, told back
    void api.ticket(f.subject).then((t) => s.heard(t), () => undefined)
  }

  function type<F extends Field>(field: F, value: TicketFields[F]): void {
    saver.value?.type(field, value)
  }

  async function addAppeal(): Promise<void> {
    const t = await api.furtherAppeal(call.value)
    if (!savers.value.some((s) => s.draft.base.id === t.id)) savers.value = [...savers.value, saverOf(t)]
    at.value = savers.value.findIndex((s) => s.draft.base.id === t.id)
  }

  // A page that is closed saves what its keys have not had the time to.
  addEventListener('pagehide', () => savers.value.forEach((s) => void s.flush()))

  const leave = (): void => happened({ is: 'left' })
  const writes = (on: boolean): void => void (writing = on)

  return { call, waiting, kept, savers, at, saver, view, enter, happened, leave, look, writes, clear, heard, type, addAppeal }
})
