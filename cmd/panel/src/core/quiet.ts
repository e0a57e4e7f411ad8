// A control that has just appeared, or means something else than a moment ago, does nothing for a while: the second half of a
// double click was for what stood there before (RU5).
import { onScopeDispose, ref, watch, type Ref, type WatchSource } from 'vue'

export function useQuiet(change: WatchSource<unknown>, ms = 500): Ref<boolean> {
  const quiet = ref(true)
  let timer: ReturnType<typeof setTimeout> | undefined
  const begin = (): void => {
    quiet.value = true
    clearTimeout(timer)
    timer = setTimeout(() => (quiet.value = false), ms)
  }
  watch(change, begin, { flush: 'sync' })
  begin()
  onScopeDispose(() => clearTimeout(timer))
  return quiet
}
