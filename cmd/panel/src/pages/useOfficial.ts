// Tells the machine of the official's page what happens, and gives the screen.
import { computed, shallowRef, watch, type ComputedRef } from 'vue'

import { usePhone } from '@/call/phone'
import { useDesk } from '@/core/desk/desk'

import { opened, screen, step, type Event, type Screen } from './official'

export function useOfficial(seat: string): { now: ComputedRef<Screen>; tell: (e: Event) => void } {
  const desk = useDesk()
  const phone = usePhone()
  const state = shallowRef(opened(phone.ready || phone.wasTested(seat)))
  const tell = (e: Event): void => void (state.value = step(state.value, e))

  watch(
    () => [phone.microphone, phone.registration, phone.holder, phone.line] as const,
    ([microphone, line, holder, call]) => tell({ is: 'phone', microphone, line, holder, media: call === 'talking' }),
    { immediate: true, flush: 'sync' },
  )
  watch(
    () => [desk.trouble ? 'unreadable' : desk.seat ? 'read' : 'reading', desk.word] as const,
    ([read, word]) => tell({ is: 'seat', seat: read, word }),
    { immediate: true, flush: 'sync' },
  )
  return { now: computed(() => screen(state.value)), tell }
}
