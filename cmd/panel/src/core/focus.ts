// The focus never drops to the page as a whole (RU15): when the control that had it goes, the page's own place has it, from which
// Tab goes on and no key does anything by itself.
import { onScopeDispose } from 'vue'

// home is where the focus goes: the head of the desk, or the page.
function home(): HTMLElement | null {
  const el = document.querySelector<HTMLElement>('[data-home]') ?? document.querySelector<HTMLElement>('main')
  if (el && el.tabIndex < 0) el.tabIndex = -1
  return el
}

const lost = (had: Element | null): boolean => {
  const now = document.activeElement
  return had !== null && !had.isConnected && (now === null || now === document.body || !now.isConnected)
}

export function useFocusKept(): void {
  let had: Element | null = null
  const came = (e: FocusEvent): void => {
    if (e.target instanceof Element) had = e.target
  }
  const watcher = new MutationObserver(() => {
    if (!lost(had)) return
    had = null
    home()?.focus({ preventScroll: true })
  })
  document.addEventListener('focusin', came)
  watcher.observe(document.body, { childList: true, subtree: true })
  onScopeDispose(() => {
    document.removeEventListener('focusin', came)
    watcher.disconnect()
  })
}
