import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, type EffectScope } from 'vue'

import { shortcuts, useShortcut } from './keys'

let scope: EffectScope
const act = vi.fn()
let tests = 0 // the clock of each begins after all keystrokes of those before

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
  vi.advanceTimersByTime(++tests * 60_000)
  document.body.innerHTML = `
    <button id="button">b</button><input id="input"><textarea id="textarea"></textarea><select id="select"></select>
    <div contenteditable="true"><b id="rich">r</b></div><div contenteditable="false"><b id="plain">p</b></div>
    <div role="textbox" id="textbox"></div><div role="dialog"><button id="dialog">d</button></div>`
  act.mockReset()
  scope = effectScope()
  scope.run(() => useShortcut({ keys: 'H', says: 'keys.hold', act }))
})
afterEach(() => {
  scope.stop()
  vi.useRealTimers()
})

function press(on: string, over: KeyboardEventInit = {}): KeyboardEvent {
  const e = new KeyboardEvent('keydown', { code: 'KeyH', bubbles: true, cancelable: true, ...over })
  document.querySelector(on)?.dispatchEvent(e)
  return e
}

describe('a key', () => {
  it.each(['body', '#button', '#plain'])('counts on %s', (on) => {
    expect(press(on).defaultPrevented).toBe(true)
    expect(act).toHaveBeenCalledOnce()
  })

  it.each(['#input', '#textarea', '#select', '#rich', '#textbox', '#dialog'])('is left alone in %s', (on) => {
    expect(press(on).defaultPrevented).toBe(false)
    expect(act).not.toHaveBeenCalled()
  })

  it.each([{ ctrlKey: true }, { altKey: true }, { metaKey: true }, { shiftKey: true }, { repeat: true }, { isComposing: true }, { code: 'KeyM' }])(
    'is another with %j',
    (over) => {
      press('body', over)
      expect(act).not.toHaveBeenCalled()
    },
  )

  it('of somebody who typed a moment ago is not a command, though the field has gone', () => {
    press('#textarea', { code: 'KeyA' })
    document.querySelector('#textarea')?.remove()
    press('body')
    vi.advanceTimersByTime(1400)
    press('body')
    expect(act).not.toHaveBeenCalled()
    vi.advanceTimersByTime(200)
    press('body')
    expect(act).toHaveBeenCalledOnce()
  })

  it('is let go with the component', () => {
    scope.stop()
    vi.advanceTimersByTime(2000)
    press('body')
    expect(act).not.toHaveBeenCalled()
    expect(shortcuts.value).toEqual([])
  })

  it('is the newest one’s, and the older one’s again', () => {
    const dialog = effectScope()
    const other = vi.fn()
    dialog.run(() => useShortcut({ keys: 'H', says: 'other', act: other }))
    press('body')
    expect([act.mock.calls.length, other.mock.calls.length]).toEqual([0, 1])
    expect(shortcuts.value.map((s) => s.says)).toEqual(['other'])
    dialog.stop()
    press('body')
    expect([act.mock.calls.length, other.mock.calls.length]).toEqual([1, 1])
  })

  it('with Ctrl or Alt counts in a field as well', () => {
    const register = vi.fn()
    scope.run(() => useShortcut({ keys: 'Ctrl+Enter', says: 'keys.register', act: register }))
    press('#textarea', { code: 'Enter' })
    press('#textarea', { code: 'Enter', ctrlKey: true, altKey: true })
    expect(register).not.toHaveBeenCalled()
    press('#textarea', { code: 'Enter', ctrlKey: true })
    expect(register).toHaveBeenCalledOnce()
  })
})

// The key that puts somebody on the air (RU1).
describe('a careful key', () => {
  const answer = vi.fn()
  const space = (on = 'body') => press(on, { code: 'Space' })
  beforeEach(() => {
    vi.advanceTimersByTime(10_000)
    answer.mockReset()
    scope.run(() => useShortcut({ keys: 'Space', says: 'keys.answer', act: answer, careful: true }))
  })

  it('does nothing for 1.5 s after any other keystroke, wherever it was struck', () => {
    press('body', { code: 'KeyN' })
    press('body', { code: 'KeyI' })
    vi.advanceTimersByTime(400)
    space()
    vi.advanceTimersByTime(1000)
    space()
    expect(answer).not.toHaveBeenCalled()
    vi.advanceTimersByTime(200)
    space()
    expect(answer).toHaveBeenCalledOnce()
  })

  it('is not put off by itself', () => {
    space()
    space()
    expect(answer).toHaveBeenCalledTimes(2)
  })

  it('is left to a control that somebody has gone to by keyboard, unless it is its own', () => {
    const button = document.querySelector<HTMLElement>('#button')!
    vi.spyOn(button, 'matches').mockImplementation((what) => what === ':focus-visible')
    expect(space('#button').defaultPrevented).toBe(false)
    expect(answer).not.toHaveBeenCalled()
    button.setAttribute('aria-keyshortcuts', 'Space')
    space('#button')
    expect(answer).toHaveBeenCalledOnce()
  })
})
