// The link store: the one push socket of the page and what people must know of it.
import { defineStore } from 'pinia'
import { computed, onScopeDispose, ref, shallowRef } from 'vue'

import { socketTicket } from '@/api/seats'

import { clock } from './clock'
import { FactSocket, type LinkState, type Listener, type SocketLike } from './socket'

export const useLink = defineStore('link', () => {
  const state = ref<LinkState>('off')
  const heardAt = shallowRef(0) // server's time of the last frame
  const wanted = new Map<symbol, string[]>()
  const extra = new Set<symbol>() // of wanted: a page's own, beside the seat's

  const socket = new FactSocket({
    ticket: socketTicket,
    open: (protocols) => {
      const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
      return new WebSocket(`${scheme}://${location.host}/ws`, protocols) as SocketLike
    },
    state: (s) => {
      // A page's extra topic that is refused must not cost the seat its news.
      if (s === 'denied' && extra.size > 0) {
        extra.forEach((key) => wanted.delete(key))
        extra.clear()
        return queueMicrotask(want)
      }
      state.value = s
    },
    heard: (at) => {
      if (at !== null) clock.sawInstant(at)
      heardAt.value = clock.now()
    },
  })
  addEventListener('online', () => socket.again())

  const want = (): void => socket.want([...wanted.values()].flat())

  // hold adds topics for as long as the caller wants them; the answer lets them go.
  function hold(topics: string[], ofPage = true): () => void {
    const key = Symbol('topics')
    wanted.set(key, topics)
    if (ofPage) extra.add(key)
    queueMicrotask(want) // several holders of one moment make one socket
    return () => {
      wanted.delete(key)
      extra.delete(key)
      queueMicrotask(want)
    }
  }

  function stop(): void {
    wanted.clear()
    extra.clear()
    socket.stop()
  }

  const troubled = computed(() => state.value === 'lost' || state.value === 'denied' || state.value === 'ended')

  return { state, heardAt, troubled, hold, stop, again: () => socket.again(), listen: (l: Listener) => socket.listen(l) }
})

// useFacts listens while the component lives.
export function useFacts(topics: string[], l: Listener): void {
  const link = useLink()
  const release = link.hold(topics)
  const deaf = link.listen(l)
  onScopeDispose(() => {
    deaf()
    release()
  })
}
