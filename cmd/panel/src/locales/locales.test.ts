import { expect, it } from 'vitest'

import type { CallOutcome, CallState } from '@/api/types'
import { serves } from '@/core/desk/wording'
import type { Locale } from '@/lib/format'

import { fetchTexts, parts, type Texts } from './texts'
import zhCall from './zh-CN/call'
import enCall from './en/call'

const whole = async (locale: Locale): Promise<Texts> => Object.assign({}, ...(await Promise.all(parts.map((p) => fetchTexts(locale, p)))))
const zhCN = await whole('zh-CN')
const en = await whole('en')

function flat(tree: object, at = ''): [string, string][] {
  return Object.entries(tree).flatMap(([k, v]) =>
    typeof v === 'string' ? [[`${at}${k}`, v] as [string, string]] : flat(v as object, `${at}${k}.`),
  )
}

const slots = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1] ?? '').sort()

it('has each text in one part', async () => {
  const roots = (await Promise.all(parts.map((p) => fetchTexts('zh-CN', p)))).flatMap((t) => Object.keys(t))
  expect(new Set(roots).size).toBe(roots.length)
})

it('says everything in both languages, with the same slots', () => {
  const english = new Map(flat(en))
  const chinese = flat(zhCN)
  expect([...english.keys()].sort()).toEqual(chinese.map(([k]) => k).sort())
  for (const [k, text] of chinese) expect([k, slots(english.get(k) ?? '')]).toEqual([k, slots(text)])
})

it('has no text that the message compiler would take for syntax', () => {
  for (const [k, text] of [...flat(zhCN), ...flat(en)]) expect([k, /[@|]/.test(text)]).toEqual([k, false])
})

it('has the word of every call, on the board and at the seat', () => {
  const all: Record<CallState, true> = {
    arrived: true, screening: true, queued: true, offered: true, talking: true, held: true, consulting: true, conference: true,
    transferring: true, reconnecting: true, ended: true,
  }
  for (const texts of [zhCall, enCall]) {
    expect(Object.keys(texts.word).sort()).toEqual(Object.keys(all).sort())
    for (const word of Object.keys(all).filter(serves)) expect([word, texts.state[word], texts.stateHelp[word]]).not.toContain(undefined)
  }
  expect([zhCall.state.held, zhCall.word.held, zhCall.call.takeBack]).toEqual(['保持中', '保持', '取回通话'])
  const outcomes: CallOutcome[] = ['registered_callback', 'abandoned_on_hold']
  for (const o of outcomes) expect([zhCall.call.outcome[o], enCall.call.outcome[o]]).not.toContain(undefined)
})

it('never shows an empty text', () => {
  for (const [k, text] of [...flat(zhCN), ...flat(en)]) expect([k, text.trim() === '' && k !== 'ticket.listComma']).toEqual([k, false])
})
