// The keys of the panel: one registry and one listener, so that every key is known, shown in one sheet, and kept from people who
// mean the text and not a command, even when the field has gone in mid-word (RU1).
import { computed, onScopeDispose, shallowReactive, toValue, type ComputedRef, type MaybeRefOrGetter } from 'vue'

export interface Shortcut {
  keys: string // as it is shown: H, Space, Alt+1, Ctrl+Enter, ?
  says: MaybeRefOrGetter<string> // what it does: a key of the locale
  act(): void
  when?: () => boolean // it counts, and stands in the sheet, only then
  careful?: boolean // not after any other keystroke of a moment ago: it puts somebody on the air
}

const fields = 'input, textarea, select, [contenteditable]:not([contenteditable="false"]), [role="textbox"]'
const controls = 'button, a[href], [role="button"], [role="menuitem"], [role="tab"], [role="radio"]'
const still = 1500 // ms after a keystroke in which somebody may be typing

const known = shallowReactive<Shortcut[]>([])

// shortcuts are those that count now, each key once: the newest has it.
export const shortcuts: ComputedRef<Shortcut[]> = computed(() => {
  const live = known.filter((s) => s.when?.() ?? true)
  return live.filter((s, n) => live.findLastIndex((other) => other.keys === s.keys) === n)
})

// codeOf is the key of a keyboard under a name: H is KeyH, 1 is Digit1.
function codeOf(name: string): string {
  if (/^[A-Z]$/.test(name)) return `Key${name}`
  return /^\d$/.test(name) ? `Digit${name}` : name
}

function isThat(e: KeyboardEvent, keys: string): boolean {
  if (keys === '?') return e.key === '?' && !e.ctrlKey && !e.altKey && !e.metaKey
  const parts = keys.split('+')
  const name = parts.at(-1) ?? ''
  if (e.metaKey || e.shiftKey || e.ctrlKey !== parts.includes('Ctrl') || e.altKey !== parts.includes('Alt')) return false
  return e.code === codeOf(name)
}

const within = (e: Event, what: string): boolean => e.target instanceof Element && e.target.closest(what) !== null
const combined = (keys: string): boolean => keys.includes('+')

// A control that somebody has gone to by keyboard takes space itself; one that was only clicked, or whose key it is, does not.
function ofControl(e: KeyboardEvent, s: Shortcut): boolean {
  if (e.code !== 'Space' || !within(e, controls) || within(e, `[aria-keyshortcuts="${s.keys}"]`)) return false
  return (e.target as Element).matches(':focus-visible')
}

let typedAt = -Infinity // in a field
let last = { code: '', at: -Infinity }
let otherAt = -Infinity // the last keystroke that was of another key than the one just struck

// calm: no other key was struck a moment ago, so the one just struck is meant.
export const calm = (): boolean => performance.now() - otherAt >= still && performance.now() - typedAt >= still

// idle: nobody has struck any key for a moment.
export const idle = (): boolean => performance.now() - last.at >= still

// In the capturing phase: fields that stop their keys from rising are still typed in.
function strike(e: KeyboardEvent): void {
  const at = performance.now()
  if (e.code !== last.code) otherAt = last.at
  last = { code: e.code, at }
  if (within(e, fields)) typedAt = at
}

function heed(e: KeyboardEvent): void {
  if (e.repeat || e.defaultPrevented || e.isComposing) return
  const s = shortcuts.value.findLast((one) => isThat(e, one.keys))
  if (!s) return
  const typing = performance.now() - typedAt < still
  if (!combined(s.keys) && (typing || within(e, '[role="dialog"]') || ofControl(e, s))) return
  if (s.careful && !calm()) return
  e.preventDefault()
  s.act()
}

document.addEventListener('keydown', strike, true)
document.addEventListener('keydown', heed)

// useShortcut has a key while the component lives.
export function useShortcut(s: Shortcut): void {
  known.push(s)
  onScopeDispose(() => {
    known.splice(known.indexOf(s), 1)
  })
}

export const saysOf = (s: Shortcut): string => toValue(s.says)
