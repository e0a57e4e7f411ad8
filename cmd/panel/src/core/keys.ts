// The keys of the seat: one letter or space, for who looks at the call. Somebody who types means the text, never a command,
// even when the field has gone in mid-word (RU1).
import { onScopeDispose } from 'vue'

const fields = 'input, textarea, select, [contenteditable]:not([contenteditable="false"]), [role="textbox"]'
const stillTyping = 1500

const within = (e: Event, what: string): boolean => e.target instanceof Element && e.target.closest(what) !== null

// heeds says whether a keystroke is that key, alone, and meant for the page.
export function heeds(e: KeyboardEvent, code: string): boolean {
  if (e.code !== code || e.repeat || e.defaultPrevented || e.isComposing) return false
  if (e.ctrlKey || e.altKey || e.metaKey || e.shiftKey) return false
  return !within(e, fields) && !within(e, '[role="dialog"]')
}

let typedAt = -Infinity
document.addEventListener('keydown', (e) => (within(e, fields) ? (typedAt = performance.now()) : undefined), true)

// useKey runs an act by its key while the component lives.
export function useKey(code: string, act: () => void): void {
  const heard = (e: KeyboardEvent): void => {
    if (!heeds(e, code) || performance.now() - typedAt < stillTyping) return
    e.preventDefault()
    act()
  }
  document.addEventListener('keydown', heard)
  onScopeDispose(() => document.removeEventListener('keydown', heard))
}
