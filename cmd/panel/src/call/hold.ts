// 保持 and 取回通话: one button, two meanings. A press counts once: nothing more is sent before its effect is on the screen,
// and a moment after it.
import { computed, ref, watch, type ComputedRef, type Ref } from 'vue'

import type { Card } from '@/api/types'
import { useQuiet } from '@/core/quiet'

const patience = 3000 // for the news of an act that was answered with success

export interface HoldSwitch {
  held: ComputedRef<boolean>
  able: ComputedRef<boolean> // the call can be held, or taken back, now
  pending: Ref<boolean>
  inert: ComputedRef<boolean> // a press does nothing
  press(): Promise<void>
}

export function useHold(card: () => Pick<Card, 'state'>, send: (on: boolean) => Promise<void>): HoldSwitch {
  const state = (): Card['state'] => card().state
  const quiet = useQuiet(state)
  const pending = ref(false)
  const held = computed(() => state() === 'held')
  const able = computed(() => held.value || state() === 'talking')
  const inert = computed(() => !able.value || pending.value || quiet.value)

  async function press(): Promise<void> {
    if (inert.value) return
    const before = state()
    pending.value = true
    try {
      await send(before !== 'held')
      await changed(before)
    } finally {
      pending.value = false
    }
  }

  function changed(before: Card['state']): Promise<void> {
    if (state() !== before) return Promise.resolve()
    return new Promise((done) => {
      const over = (): void => {
        stop()
        clearTimeout(timer)
        done()
      }
      const timer = setTimeout(over, patience)
      const stop = watch(state, over, { flush: 'sync' })
    })
  }

  return { held, able, pending, inert, press }
}
