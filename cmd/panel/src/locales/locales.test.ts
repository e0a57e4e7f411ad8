import { expect, it } from 'vitest'

import en from './en'
import zhCN from './zh-CN'

function flat(tree: object, at = ''): [string, string][] {
  return Object.entries(tree).flatMap(([k, v]) =>
    typeof v === 'string' ? [[`${at}${k}`, v] as [string, string]] : flat(v as object, `${at}${k}.`),
  )
}

const slots = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1] ?? '').sort()

it('says everything in both languages, with the same slots', () => {
  const english = new Map(flat(en))
  const chinese = flat(zhCN)
  expect([...english.keys()].sort()).toEqual(chinese.map(([k]) => k).sort())
  for (const [k, text] of chinese) expect([k, slots(english.get(k) ?? '')]).toEqual([k, slots(text)])
})

it('has no text that the message compiler would take for syntax', () => {
  for (const [k, text] of [...flat(zhCN), ...flat(en)]) expect([k, /[@|]/.test(text)]).toEqual([k, false])
})

it('never shows an empty text', () => {
  for (const [k, text] of [...flat(zhCN), ...flat(en)]) expect([k, text.trim() === '' && k !== 'ticket.listComma']).toEqual([k, false])
})
