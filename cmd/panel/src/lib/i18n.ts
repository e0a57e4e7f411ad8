// Two languages: Simplified Chinese unless this browser's user has switched. The texts of a part of the panel come when a
// page needs them, in the language that is on.
import { createI18n, type MessageContext, useI18n } from 'vue-i18n'

import type { Problem } from '@/api/problem'
import { fetchTexts, type Part, type Texts } from '@/locales/texts'

import type { Locale } from './format'

const kept = 'hotline.locale'

let wanted: Locale = localStorage.getItem(kept) === 'en' ? 'en' : 'zh-CN' // ahead of what is shown while a switch fetches
const needed = new Set<Part>()
const fetched = new Map<string, Promise<void>>()

export const i18n = createI18n({ legacy: false, locale: wanted })

type Said = (slots: MessageContext<string>) => string
interface Spoken {
  [key: string]: Said | Spoken
}

// spoken makes functions of the texts. They have slots, '{n} 人', and nothing else of vue-i18n's syntax (locales.test.ts), so that its
// compiler, a tenth of the login's script, stays away.
function spoken(text: string): Said
function spoken(texts: Texts): Spoken
function spoken(of: string | Texts): Said | Spoken {
  if (typeof of !== 'string') return Object.fromEntries(Object.entries(of).map(([k, v]) => [k, typeof v === 'string' ? spoken(v) : spoken(v)]))
  const pieces = of.split(/\{(\w+)\}/)
  return (slots) => pieces.map((p, i) => (i % 2 === 0 ? p : String(slots.named(p) ?? ''))).join('')
}

function fetchOnce(locale: Locale, part: Part): Promise<void> {
  const name = `${locale}/${part}`
  let job = fetched.get(name)
  if (!job) {
    job = fetchTexts(locale, part).then((texts) => i18n.global.mergeLocaleMessage(locale, spoken(texts)))
    job.catch(() => fetched.delete(name)) // the next who needs it tries again
    fetched.set(name, job)
  }
  return job
}

// needTexts brings the texts of these parts, and keeps them whole when the language is switched.
export async function needTexts(...some: Part[]): Promise<void> {
  some.forEach((p) => needed.add(p))
  const languages = new Set([wanted, i18n.global.locale.value as Locale])
  await Promise.all([...languages].flatMap((l) => some.map((p) => fetchOnce(l, p))))
}

// withTexts brings a page, or a part of one that is fetched late, together with the texts that it and what it is made of can say;
// locales/pages.test.ts holds the list complete.
export const withTexts = <T>(load: () => Promise<T>, ...texts: Part[]) => async (): Promise<T> => (await Promise.all([load(), needTexts(...texts)]))[0]

// setLocale switches when all texts that the open pages need are there, so that nobody sees a mixture.
export async function setLocale(locale: Locale): Promise<void> {
  wanted = locale
  localStorage.setItem(kept, locale)
  await needTexts('base', ...needed)
  if (wanted !== locale) return // switched back meanwhile
  i18n.global.locale.value = locale
  document.documentElement.lang = locale
  document.title = i18n.global.t('app.name')
}

export const startLocale = (): Promise<void> => setLocale(wanted)

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
