// 请接下一位: what the call's tickets still lack is named first, and may be left for later (RU11).
import { computed, ref, shallowRef, watch, type ComputedRef, type Ref } from 'vue'

import { asProblem, Problem } from '@/api/problem'
import { useText } from '@/lib/i18n'
import { useQuiet } from '@/core/quiet'
import { say } from '@/lib/say'
import { useDesk } from '@/core/desk/desk'
import { useDrafts } from '@/core/draft/drafts'
import { fieldNames } from '@/core/draft/fields'

export interface NextCaller {
  lacking: ComputedRef<string> // names of what is missing, as the server told it; empty: nothing, or nobody has asked yet
  going: Ref<boolean>
  inert: ComputedRef<boolean> // a press does nothing: it is on its way, or has just come to mean something else (RU5)
  go(): Promise<void> // a second time: leaves it so
}

// lacks names the fields of tickets.<id>.<field>, each once.
export function lacks(p: Problem): string[] {
  const names = p.fields.map((f) => f.split('.').at(-1) ?? '')
  return [...new Set(names.map((f) => (f === 'state' ? 'call.unregistered' : (fieldNames as Record<string, string>)[f] ?? 'ticket.form')))]
}

export function useNext(): NextCaller {
  const { t, problem } = useText()
  const desk = useDesk()
  const drafts = useDrafts()
  const going = ref(false)
  const told = shallowRef<string[]>([])

  const quiet = useQuiet(() => told.value.length > 0)
  const inert = computed(() => going.value || quiet.value)

  // What was told holds until somebody writes, or another call comes.
  watch(() => [desk.card?.id, drafts.savers.map((s) => (drafts.tick, s.ticket.version)).join()].join(), () => (told.value = []))

  async function go(): Promise<void> {
    if (inert.value) return
    const leave = told.value.length > 0
    going.value = true
    try {
      await Promise.all(drafts.savers.map((s) => s.flush()))
      if (drafts.savers.some((s) => s.clashes.length > 0)) throw new Problem(409, 'ticket.clash')
      await desk.next(leave)
    } catch (err) {
      const p = asProblem(err)
      if (p.code === 'ticket.unfinished') told.value = lacks(p)
      else say(problem(p))
    } finally {
      going.value = false
    }
  }

  return { lacking: computed(() => told.value.map((name) => t(name)).join(t('ticket.listComma'))), going, inert, go }
}
