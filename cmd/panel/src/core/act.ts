// One act of a person: pending while it is on its way, its refusal beside it with a way to mend, and an undo where there is one.
// A repeat of a command whose answer was lost keeps its key (api/client.ts), so that pressing again has one effect.
import { computed, onScopeDispose, ref, shallowRef, type ComputedRef, type Ref } from 'vue'

import { asProblem, type Problem } from '@/api/problem'
import { useText } from '@/lib/i18n'
import { say } from '@/lib/say'

// Repeatable is what a refusal needs to be shown and mended.
export interface Repeatable {
  pending: Ref<boolean>
  refusal: Ref<Problem | null>
  mendable: ComputedRef<boolean> // once more may help
  again(): Promise<boolean>
}

export interface Act<A extends unknown[] = unknown[]> extends Repeatable {
  doing: Ref<A | null> // what it is on its way with
  undoable: Ref<boolean>
  run(...args: A): Promise<boolean> // whether it was done; a second press while it is on its way is none
  undo(): Promise<boolean>
  clear(): void
}

export interface How<A extends unknown[]> {
  beside?: boolean // the refusal is shown beside the control (Refusal.vue), not at the top of the page
  expected?(p: Problem): boolean // no refusal: what was wanted is so already
  undo?(...args: A): (() => Promise<unknown>) | null // made before the act, from what it is about to change
}

const undoTime = 8000

export function useAct<A extends unknown[]>(act: (...args: A) => Promise<unknown>, how: How<A> = {}): Act<A> {
  const { problem } = useText()
  const pending = ref(false)
  const doing = shallowRef(null) as Ref<A | null>
  const refusal = shallowRef<Problem | null>(null)
  const undoable = ref(false)
  let last: A | null = null
  let back: (() => Promise<unknown>) | null = null
  let timer: ReturnType<typeof setTimeout> | undefined

  async function attempt(what: () => Promise<unknown>): Promise<boolean> {
    pending.value = true
    refusal.value = null
    forgetUndo()
    try {
      await what()
      return true
    } catch (err) {
      const p = asProblem(err)
      if (how.expected?.(p)) return true
      refusal.value = p
      if (!how.beside) say(problem(p))
      return false
    } finally {
      pending.value = false
      doing.value = null
    }
  }

  async function run(...args: A): Promise<boolean> {
    if (pending.value) return false
    last = doing.value = args
    const backThen = how.undo?.(...args) ?? null
    const done = await attempt(() => act(...args))
    if (done && backThen) offer(backThen)
    return done
  }

  async function undo(): Promise<boolean> {
    const what = back
    return what !== null && !pending.value && attempt(what)
  }

  function offer(what: () => Promise<unknown>): void {
    back = what
    undoable.value = true
    timer = setTimeout(forgetUndo, undoTime)
  }

  function forgetUndo(): void {
    clearTimeout(timer)
    back = null
    undoable.value = false
  }

  onScopeDispose(() => clearTimeout(timer))

  return {
    pending, doing, refusal, undoable, run, undo,
    mendable: computed(() => refusal.value !== null && again(refusal.value)),
    again: () => (last === null ? Promise.resolve(false) : run(...last)),
    clear: () => (refusal.value = null),
  }
}

// again: the same once more may be answered otherwise.
const again = (p: Problem): boolean => p.status === 0 || p.status >= 500 || p.status === 429 || p.code === 'version.stale'
