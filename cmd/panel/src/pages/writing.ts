// Who writes at the official's page. The form is the recorder's while one is there with a page, and the official's otherwise: it opens by
// itself when that page is gone, and closes when it is back (RU13), unless the official has chosen, or is writing in it just then.
import { computed, ref, watch, type ComputedRef, type Ref } from 'vue'

import { useDesk } from '@/core/desk/desk'
import { writesBeside } from '@/core/desk/wording'

export function useWriting(form: Ref<HTMLElement | null>): { writes: ComputedRef<boolean>; toggle: () => void } {
  const desk = useDesk()
  const chosen = ref<boolean | null>(null) // null: as the recorder's presence suggests
  const beside = computed(() => writesBeside(desk.seat))
  const writes = computed(() => chosen.value ?? !beside.value)

  watch(
    beside,
    (there) => {
      const writing = form.value?.contains(document.activeElement) ?? false
      if (!there) chosen.value = null
      else if (writing) chosen.value = true // nothing is pulled away in mid-word (RU6)
    },
    { flush: 'sync' },
  )

  const toggle = (): void => {
    chosen.value = !writes.value
  }
  return { writes, toggle }
}
