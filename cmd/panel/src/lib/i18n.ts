// Two languages: Simplified Chinese unless this browser's user has switched.
import { createI18n, useI18n } from 'vue-i18n'

import type { Problem } from '@/api/problem'
import en from '@/locales/en'
import zhCN from '@/locales/zh-CN'

import type { Locale } from './format'

const kept = 'hotline.locale'

export const i18n = createI18n({
  legacy: false,
  locale: localStorage.getItem(kept) === 'en' ? 'en' : 'zh-CN',
  fallbackLocale: 'zh-CN',
  messages: { 'zh-CN': zhCN, en },
})

export function setLocale(locale: Locale): void {
  i18n.global.locale.value = locale
  localStorage.setItem(kept, locale)
  document.documentElement.lang = locale
  document.title = i18n.global.t('app.name')
}

setLocale(i18n.global.locale.value)

export function useText() {
  const { t, te, locale } = useI18n()

  // problem tells what went wrong and what to do; the code stands small behind it for support.
  function problem(p: Problem): string {
    const key = `problem.${p.code.replaceAll('.', '_')}`
    if (te(key)) return t(key)
    const [family] = p.code.split('.')
    if (family === 'field' || family === 'setting') return t(`problem.${family}`)
    if (p.status === 422 || p.status === 400) return t('problem.validation')
    return `${t(p.status >= 500 ? 'problem.internal' : 'problem.unknown')} (${t('common.code', { code: p.code })})`
  }

  return { t, te, locale, problem }
}
