import { beforeEach, expect, it, vi } from 'vitest'

import type { Texts } from '@/locales/texts'

let asked: { name: string; give: (t: Texts) => void; fail: () => void }[] = []
const answer = async (name: string, texts: Texts | null): Promise<void> => {
  const one = asked.find((a) => a.name === name)
  expect(one, name).toBeDefined()
  asked = asked.filter((a) => a !== one)
  if (texts) one?.give(texts)
  else one?.fail()
  await new Promise((done) => setTimeout(done))
}

async function fresh(): Promise<typeof import('./i18n')> {
  vi.resetModules()
  vi.doMock('@/locales/texts', () => ({
    fetchTexts: (locale: string, part: string) =>
      new Promise<Texts>((give, fail) => asked.push({ name: `${locale}/${part}`, give, fail: () => fail(new Error('offline')) })),
  }))
  return import('./i18n')
}

beforeEach(() => {
  asked = []
  localStorage.clear()
})

it('fetches each text once, in the language that is on', async () => {
  const { i18n, needTexts, startLocale } = await fresh()
  void startLocale()
  void needTexts('seat')
  void needTexts('seat')
  expect(asked.map((a) => a.name)).toEqual(['zh-CN/base', 'zh-CN/seat'])
  await answer('zh-CN/seat', { seats: { title: '席位', back: '回到席位 {seat}' } })
  expect([i18n.global.t('seats.title'), i18n.global.t('seats.back', { seat: 'A01' })]).toEqual(['席位', '回到席位 A01'])
})

it('switches only when the other language has come whole', async () => {
  const { i18n, needTexts, setLocale } = await fresh()
  void needTexts('base', 'seat')
  await answer('zh-CN/base', { app: { name: '热线' } })
  await answer('zh-CN/seat', {})
  const switched = setLocale('en')
  await answer('en/base', { app: { name: 'Hotline' } })
  expect(i18n.global.locale.value).toBe('zh-CN')
  void needTexts('ticket') // a page that opens now may be seen in either
  expect(asked.map((a) => a.name)).toEqual(['en/seat', 'en/ticket', 'zh-CN/ticket'])
  await answer('en/seat', {})
  await switched
  expect([i18n.global.locale.value, document.title, document.documentElement.lang]).toEqual(['en', 'Hotline', 'en'])
})

it('stays with the last wish when the switch is pressed twice', async () => {
  const { i18n, setLocale } = await fresh()
  const there = setLocale('en')
  const back = setLocale('zh-CN')
  await answer('zh-CN/base', { app: { name: '热线' } })
  await back
  await answer('en/base', {})
  await there
  expect([i18n.global.locale.value, localStorage.getItem('hotline.locale')]).toEqual(['zh-CN', 'zh-CN'])
})

it('asks again for what did not come', async () => {
  const { needTexts } = await fresh()
  const first = needTexts('seat')
  await Promise.all([expect(first).rejects.toThrow('offline'), answer('zh-CN/seat', null)])
  const second = needTexts('seat')
  await answer('zh-CN/seat', {})
  await second
})
