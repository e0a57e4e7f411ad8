// The drafts of the call at hand, one saver per ticket.
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'

import * as api from '@/api/tickets'
import type { Ticket, TicketFields } from '@/api/types'
import { clock } from '@/lib/clock'
import type { Fact } from '@/lib/socket'

import type { Field, Unsaved } from './draft'
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

export const useDrafts = defineStore('drafts', () => {
  const call = ref('')
  const savers = shallowRef<Saver[]>([])
  const at = ref(0)
  let patience: ReturnType<typeof setTimeout> | undefined

  const saver = computed(() => savers.value[at.value] ?? null)
  const tick = ref(0) // savers are plain objects; this tells the views that one of them has moved
  const changed = (): void => {
    tick.value++
  }

  // view is the ticket in front, as the form shows it.
  const view = computed(() => (tick.value, saver.value?.ticket ?? null))
  const unregistered = computed(() => (tick.value, savers.value.some((s) => s.ticket.state === 'draft' && s.ticket.kind !== 'missed')))

  function saverOf(t: Ticket): Saver {
    return new Saver(t, { save: api.saveDraft, read: api.ticket, register: api.register, now: () => clock.now(), changed, keep })
  }

  // open shows the drafts of a call. The first one is written a moment after admission, so an empty answer is asked again.
  async function open(id: string, tries = 8): Promise<void> {
    if (call.value !== id) {
      clear()
      call.value = id
    }
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

  // clear lets the drafts go; what was typed last is saved on the way.
  function clear(): void {
    clearTimeout(patience)
    for (const s of savers.value) {
      s.leave()
      void s.flush().finally(() => s.close())
    }
    savers.value = []
    call.value = ''
    at.value = 0
  }

  function heard(f: Fact): void {
    if (!f.kind.startsWith('ticket.') || call.value === '') return
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

  return { call, savers, at, saver, tick, view, unregistered, open, clear, heard, type, addAppeal }
})
