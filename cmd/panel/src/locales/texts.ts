// What people read, by language and by the part of the panel that says it: zh-CN/seat.ts, en/seat.ts and so on. Short, polite,
// concrete; one word for one thing (design.md 2). A file is fetched when a page that says it opens.
import type { Locale } from '@/lib/format'

export const locales: Locale[] = ['zh-CN', 'en']
export const parts = ['base', 'login', 'shell', 'seat', 'call', 'ticket', 'list', 'board', 'settings'] as const
export type Part = (typeof parts)[number]

export interface Texts {
  [key: string]: string | Texts
}

const files = import.meta.glob<Texts>('./*/*.ts', { import: 'default' })

export function fetchTexts(locale: Locale, part: Part): Promise<Texts> {
  const file = files[`./${locale}/${part}.ts`]
  return file ? file() : Promise.reject(new Error(`no texts ${locale}/${part}`))
}
