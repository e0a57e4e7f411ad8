// The board's store: a snapshot, moved by facts. What a fact tells of the waiting and the seats is shown at once; the
// figures come with the next snapshot, at most four a second.
import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'

import * as api from '@/api/calls'
import { asProblem, type Problem } from '@/api/problem'
import type { Board, Callback } from '@/api/types'
import { clock } from '@/lib/clock'
import { coalesced } from '@/lib/coalesce'
import { useLink } from '@/lib/link'
import type { Fact, Gauge } from '@/lib/socket'
import { useIdentity } from '@/login/identity'

import { moved } from './moved'

export const useBoard = defineStore('board', () => {
  const link = useLink()
  const identity = useIdentity()
  const board = shallowRef<Board | null>(null)
  const callbacks = shallowRef<Callback[]>([])
  const queueAwaySince = ref<string | null>(null)
  const ledgerAwaySince = ref<string | null>(null)
  const pagesAway = shallowRef<Record<string, string>>({}) // since when, by seat
  const readAt = ref(0)
  const trouble = shallowRef<Problem | null>(null)

  const refresh = coalesced(async () => {
    try {
      board.value = await api.board()
      readAt.value = clock.now()
      trouble.value = null
    } catch (err) {
      trouble.value = asProblem(err)
    }
  }, 250)
  const refreshCallbacks = coalesced(async () => {
    if (!identity.mayCallBack) return
    callbacks.value = await api.openCallbacks()
  }, 1000)

  function readAll(): void {
    refresh()
    refreshCallbacks()
  }

  function heard(f: Fact): void {
    if (!/^(call|seat|callback)\./.test(f.kind)) return
    if (board.value) board.value = moved(board.value, f)
    refresh()
    if (f.kind.startsWith('callback.')) refreshCallbacks()
  }

  // Which store does not answer, and whose page is gone, comes each second, and stands in no snapshot.
  function gauge(g: Gauge): void {
    if (g.topic !== 'board') return
    queueAwaySince.value = since(g.data.queue_away_since)
    ledgerAwaySince.value = since(g.data.ledger_away_since)
    pagesAway.value = Object.fromEntries(((g.data.pages_away ?? []) as { seat: string; since: string }[]).map((p) => [p.seat, p.since]))
  }

  // watch keeps the board moving until it is let go.
  function watch(): () => void {
    readAll()
    const release = link.hold(['board'])
    const deaf = link.listen({ fact: heard, gauge, fresh: readAll })
    return () => {
      deaf()
      release()
    }
  }

  return { board, callbacks, ledgerAwaySince, pagesAway, queueAwaySince, readAt, trouble, watch, refresh: readAll }
})

const since = (v: unknown): string | null => (typeof v === 'string' ? v : null)
