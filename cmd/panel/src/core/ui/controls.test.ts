// Controls that stand where another stood (RU5), and what is read (Loadable).
import { createPinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createApp, h, nextTick, reactive, type App } from 'vue'

import { Problem } from '@/api/problem'
import { i18n } from '@/lib/i18n'

import ActButton from './ActButton.vue'
import ChoiceGroup from './ChoiceGroup.vue'
import Loadable from './Loadable.vue'

const link = vi.hoisted(() => ({ troubled: false }))
vi.mock('@/lib/link', () => ({ useLink: () => link }))

let app: App | undefined
let page: HTMLElement
beforeEach(() => {
  vi.useFakeTimers()
  link.troubled = false
  page = document.createElement('div')
  document.body.append(page)
})
afterEach(() => {
  app?.unmount()
  page.remove()
  vi.useRealTimers()
})

function mount(draw: () => unknown): void {
  app = createApp({ render: draw as never })
  app.use(createPinia()).use(i18n).mount(page)
}
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)
const button = (): HTMLElement => page.querySelector('button') as HTMLElement

describe('a button', () => {
  it('does nothing for half a second after it has appeared, and after it has come to mean something else', async () => {
    const state = reactive({ means: 'hang up', pending: false })
    const act = vi.fn()
    mount(() => h(ActButton, { label: '挂断', means: state.means, pending: state.pending, onAct: act }))
    button().click()
    await pass(450)
    button().click()
    expect([act.mock.calls.length, button().getAttribute('aria-disabled')]).toEqual([0, 'true'])
    await pass(60)
    button().click()
    expect(act).toHaveBeenCalledOnce()
    state.means = 'next caller'
    await nextTick()
    button().click()
    expect(act).toHaveBeenCalledOnce()
    await pass(500)
    state.pending = true
    await nextTick()
    button().click()
    expect(act).toHaveBeenCalledOnce()
    expect(button().hasAttribute('disabled')).toBe(false) // it keeps the focus
  })

  it('has its key under the same rules', async () => {
    const act = vi.fn()
    mount(() => h(ActButton, { label: '静音', keys: 'M', says: 'keys.mute', onAct: act }))
    const press = () => document.body.dispatchEvent(new KeyboardEvent('keydown', { code: 'KeyM', bubbles: true, cancelable: true }))
    press()
    expect(act).not.toHaveBeenCalled()
    await pass(500)
    press()
    expect(act).toHaveBeenCalledOnce()
    expect(button().textContent).toContain('M')
  })
})

describe('a group of choices', () => {
  const choices = [
    { value: 'answered', label: '当场答复', keys: '1', testid: 'a' },
    { value: 'ticket', label: '记录工单', keys: '2', testid: 't' },
  ]
  const radio = (n: number): HTMLElement => page.querySelectorAll<HTMLElement>('[role=radio]')[n] as HTMLElement

  it('is inert when it has appeared, and shows nothing as chosen that nobody chose', async () => {
    const chosen = vi.fn()
    mount(() => h(ChoiceGroup, { label: '处理方式', choices, chosen: '', onChoose: chosen }))
    radio(1).click()
    expect(chosen).not.toHaveBeenCalled()
    expect([radio(0), radio(1)].map((r) => r.getAttribute('aria-checked'))).toEqual(['false', 'false'])
    await pass(500)
    radio(1).click()
    expect(chosen.mock.calls).toEqual([['ticket']])
  })

  it('is one stop for Tab, and arrows go without choosing (RU15)', async () => {
    const chosen = vi.fn()
    mount(() => h(ChoiceGroup, { label: '处理方式', choices, chosen: 'ticket', onChoose: chosen }))
    await pass(500)
    expect([radio(0).tabIndex, radio(1).tabIndex]).toEqual([-1, 0])
    radio(1).focus()
    radio(1).dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }))
    expect(document.activeElement).toBe(radio(0))
    expect(chosen).not.toHaveBeenCalled()
  })
})

describe('what is read', () => {
  const shown = (has: boolean, trouble: Problem | null, empty = false): string => {
    app?.unmount()
    mount(() => h(Loadable, { has, trouble, empty, emptyText: '还没有' }, () => h('b', { 'data-testid': 'content' })))
    return [...page.querySelectorAll('[data-testid]')].map((e) => e.getAttribute('data-testid')).join()
  }

  it('is in one of six states', () => {
    expect(shown(false, null)).toBe('loading')
    expect(shown(false, new Problem(503, 'unavailable'))).toBe('load-failed,load-retry')
    expect(shown(false, new Problem(403, 'not_allowed'))).toBe('load-denied')
    expect(shown(true, null, true)).toBe('load-empty')
    expect(shown(true, null)).toBe('content')
    expect(shown(true, new Problem(503, 'unavailable'))).toBe('load-stale,content')
    link.troubled = true
    expect(shown(true, null)).toBe('load-stale,content')
  })
})
