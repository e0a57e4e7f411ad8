// 请接下一位: what the call's tickets still lack is named first, and may be left for later (RU11).
import { computed, shallowRef, watch, type ComputedRef, type Ref } from 'vue'

import { Problem } from '@/api/problem'
import { useAct } from '@/core/act'
import { useDesk } from '@/core/desk/desk'
import { useDrafts } from '@/core/draft/drafts'
import { fieldNames } from '@/core/draft/fields'
import { useText } from '@/lib/i18n'

export interface NextCaller {
  lacking: ComputedRef<string> // names of what is missing, as the server told it; empty: nothing, or nobody has asked yet
  label: ComputedRef<string> // what a press will do (RU12)
  going: Ref<boolean>
  go(): Promise<boolean> // a second time: leaves it so
}

// lacks names the fields of tickets.<id>.<field>, each once.
export function lacks(p: Problem): string[] {
  const names = p.fields.map((f) => f.split('.').at(-1) ?? '')
  return [...new Set(names.map((f) => (f === 'state' ? 'call.unregistered' : (fieldNames as Record<string, string>)[f] ?? 'ticket.form')))]
}

export function useNext(): NextCaller {
  const { t } = useText()
  const desk = useDesk()
  const drafts = useDrafts()
  const told = shallowRef<string[]>([])

  // What was told holds until somebody writes, or another call comes.
  watch(() => [desk.card?.id, drafts.savers.map((s) => s.ticket.version).join()].join(), () => (told.value = []))

  const { pending, run } = useAct(
    async () => {
      const leave = told.value.length > 0
      await Promise.all(drafts.savers.map((s) => s.flush()))
      if (drafts.savers.some((s) => s.clashes.length > 0)) throw new Problem(409, 'ticket.clash')
      await desk.next(leave)
    },
    {
      expected: (p) => {
        if (p.code === 'ticket.unfinished') told.value = lacks(p)
        return p.code === 'ticket.unfinished'
      },
    },
  )

  const label = computed(() => {
    const after = desk.seat?.pending || 'next'
    return t(told.value.length > 0 ? `call.thenAnyway.${after}` : `call.then.${after}`)
  })
  return { lacking: computed(() => told.value.map((name) => t(name)).join(t('ticket.listComma'))), label, going: pending, go: run }
}
