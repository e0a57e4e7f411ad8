// Presses what a scenario presses, as soon as it can be pressed, and tells when everything stands still.
import type { Step, Turn } from './world'

const patience = 15_000
const still = 250 // ms without a change of the page

export const find = (what: string): HTMLElement | null => {
  const selector = /^[a-z][\w.-]*$/i.test(what) ? `[data-testid="${what}"]` : what
  return [...document.querySelectorAll<HTMLElement>(selector)].find((e) => e.checkVisibility({ visibilityProperty: true })) ?? null
}

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))

async function until<T>(what: string, ask: () => T | null): Promise<T> {
  const deadline = performance.now() + patience
  for (;;) {
    const got = ask()
    if (got !== null) return got
    if (performance.now() > deadline) throw new Error(`${what}: not seen in ${patience / 1000} s`)
    await pause(30)
  }
}

// able: a control that has just appeared is inert for a while.
function able(what: string): HTMLElement | null {
  const e = find(what)
  return e && !e.matches(':disabled, [aria-disabled=true]') ? e : null
}

const inputs = 'input, textarea'

async function run(step: Step, turn: (t: Turn) => void): Promise<void> {
  if ('turn' in step) return turn(step.turn)
  if ('see' in step) return void (await until(step.see, () => find(step.see)))
  if ('point' in step) {
    const e = await until(step.point, () => find(step.point))
    for (const kind of ['pointerenter', 'mouseenter', 'pointerover', 'mouseover']) e.dispatchEvent(new MouseEvent(kind, { bubbles: kind.endsWith('over') }))
    return
  }
  if ('type' in step) {
    const e = await until(step.type, () => able(step.type))
    const field = (e.matches(inputs) ? e : e.querySelector(inputs)) as HTMLInputElement | null
    if (!field) throw new Error(`${step.type}: nothing to type in`)
    field.focus()
    field.value = step.text
    field.dispatchEvent(new Event('input', { bubbles: true }))
    field.dispatchEvent(new Event('change', { bubbles: true }))
    return
  }
  const e = await until(step.press, () => able(step.press))
  e.focus()
  e.click()
}

export async function play(steps: Step[], shows: string, turn: (t: Turn) => void): Promise<void> {
  for (const step of steps) await run(step, turn)
  await until(shows, () => find(shows))
  await document.fonts.ready
  await settled()
}

// settled: nothing has changed for a moment; a level meter and a clock that stands still change nothing.
async function settled(): Promise<void> {
  let changed = performance.now()
  const watch = new MutationObserver(() => (changed = performance.now()))
  watch.observe(document.body, { subtree: true, childList: true, characterData: true })
  const deadline = changed + patience
  while (performance.now() - changed < still && performance.now() < deadline) await pause(50)
  watch.disconnect()
}
