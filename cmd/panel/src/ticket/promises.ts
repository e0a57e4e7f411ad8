// The promise as it will be, asked once per class and hour: it depends on the day only.
import { ref, watch, type Ref } from 'vue'

import * as api from '@/api/tickets'
import type { TicketClass, TicketPromise } from '@/api/types'
import { clock } from '@/lib/clock'

const hour = 3_600_000
const known = new Map<string, Promise<TicketPromise>>()

export function usePromise(cls: Ref<TicketClass>): Ref<TicketPromise | null> {
  const promise = ref<TicketPromise | null>(null)
  watch(
    cls,
    async (c) => {
      promise.value = null
      if (c === '') return
      const key = `${c} ${Math.floor(clock.now() / hour)}`
      const asked = known.get(key) ?? api.promiseOf(c)
      known.set(key, asked)
      try {
        const p = await asked
        if (cls.value === c) promise.value = p
      } catch {
        known.delete(key)
      }
    },
    { immediate: true },
  )
  return promise
}
