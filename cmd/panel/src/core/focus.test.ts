import { afterEach, beforeEach, expect, it } from 'vitest'
import { effectScope, type EffectScope } from 'vue'

import { useFocusKept } from './focus'

let scope: EffectScope
beforeEach(() => {
  document.body.innerHTML = '<main><h1 data-home tabindex="-1">空闲</h1><section><button id="hangup">挂断</button></section><button id="rest">小休</button></main>'
  scope = effectScope()
  scope.run(useFocusKept)
})
afterEach(() => scope.stop())

const at = (id: string): HTMLElement => document.querySelector(`#${id}`) as HTMLElement
const settled = (): Promise<void> => new Promise((done) => setTimeout(done))

it('goes to the head of the desk when the control that had it has gone (RU15)', async () => {
  at('hangup').focus()
  document.querySelector('section')?.remove()
  await settled()
  expect(document.activeElement?.textContent).toBe('空闲')
})

it('stays where it is when something else goes or comes', async () => {
  at('rest').focus()
  document.querySelector('section')?.remove()
  document.querySelector('main')?.append(document.createElement('section'))
  await settled()
  expect(document.activeElement).toBe(at('rest'))
})

it('is not taken from somebody who has clicked beside every control', async () => {
  at('rest').focus()
  at('rest').blur()
  document.querySelector('section')?.remove()
  await settled()
  expect(document.activeElement).toBe(document.body)
})
