import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, type EffectScope } from 'vue'

import { useKey } from './keys'

let scope: EffectScope
const act = vi.fn()

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
  document.body.innerHTML = `
    <button id="button">b</button><input id="input"><textarea id="textarea"></textarea><select id="select"></select>
    <div contenteditable="true"><b id="rich">r</b></div><div contenteditable="false"><b id="plain">p</b></div>
    <div role="textbox" id="textbox"></div><div role="dialog"><button id="dialog">d</button></div>`
  act.mockReset()
  scope = effectScope()
  scope.run(() => useKey('KeyH', act))
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
  })
})
