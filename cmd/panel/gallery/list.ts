// The list of all scenarios, and the one that is chosen beside it, at the size of a screen.
import type { Scenario } from './world'

const sizes = ['1280x720', '1440x900', '1920x1080']

const element = <K extends keyof HTMLElementTagNameMap>(tag: K, more: Partial<HTMLElementTagNameMap[K]>, ...inside: (Node | string)[]): HTMLElementTagNameMap[K] => {
  const e = Object.assign(document.createElement(tag), more)
  e.append(...inside)
  return e
}

const options = (of: string[]): HTMLOptionElement[] => of.map((value) => element('option', { value }, value))

export function list(scenarios: Scenario[]): void {
  const size = element('select', {}, ...options(sizes))
  const lang = element('select', {}, ...options(['zh-CN', 'en']))
  const frame = element('iframe', { title: 'scenario' })
  const names = element('select', { size: 40 }, ...scenarios.map((s) => element('option', { value: s.name }, `${s.name}: ${s.about}`)))
  const show = (): void => {
    const [width = '1280', height = '720'] = size.value.split('x')
    Object.assign(frame, { width, height, src: `/gallery/?scenario=${names.value}&lang=${lang.value}` })
  }
  for (const s of [size, lang, names]) s.addEventListener('change', show)
  document.body.style.cssText = 'display: flex; gap: 16px; align-items: flex-start; height: auto; margin: 16px; font: 14px sans-serif'
  document.body.replaceChildren(element('div', {}, element('p', {}, size, ' ', lang), names), frame)
}
