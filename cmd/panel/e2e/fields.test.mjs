// Two people in one draft (RC6): in two fields nobody notices the other; in one field the later one keeps what they typed, sees what
// stands there and whose it is, and chooses. And 请接下一位 says first what is missing (RU11).
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { citizen, rows, seen, shoot, signIn, sitDown, startBrowser, startDemo, text, until } from './stack.mjs'

let demo, browsers
before(async () => {
  demo = await startDemo()
  browsers = [await startBrowser(), await startBrowser()]
}, { timeout: 400000 })
after(async () => {
  for (const b of browsers ?? []) await b.close()
  await demo?.stop()
})

const becomes = (page, state) => until(() => page.getByTestId('state-word').getAttribute('data-state'), (w) => w === state)
const stored = () => rows(demo, `SELECT title, content, answer, state FROM ticket WHERE kind = 'call'`)[0]
const value = (page, field) => page.getByTestId(`draft-${field}`).inputValue()

// Both type in one field before either has been saved; answers who was late.
async function race(field, pages, texts) {
  await Promise.all(pages.map((page, i) => page.getByTestId(`draft-${field}`).fill(texts[i])))
  const late = await until(async () => {
    for (const [i, page] of pages.entries()) if (await page.getByTestId(`clash-${field}`).isVisible()) return i
    return -1
  }, (i) => i >= 0)
  const first = 1 - late
  await until(() => stored()[field], (v) => v === texts[first])
  assert.equal(await value(pages[late], field), texts[late], 'what was typed stays')
  assert.equal(await text(pages[late], `theirs-${field}`), texts[first])
  assert.equal(await text(pages[late], `mine-${field}`), texts[late])
  assert.equal(await pages[first].getByTestId('clashes').count(), 0, 'who was first is not asked')
  return { late: pages[late], first: pages[first], mine: texts[late], theirs: texts[first] }
}

test('two people in one draft', { timeout: 240000 }, async () => {
  const official = await signIn(browsers[0], demo, 'official')
  await sitDown(official, 'A01', 'official')
  await becomes(official, 'ready')
  const recorder = await signIn(browsers[1], demo, 'recorder')
  await sitDown(recorder, 'A01', 'recorder')
  const caller = citizen(demo, { from: '055112345678', patience: 200 })
  await seen(official, 'incoming-card', 40000)
  await official.getByTestId('answer').click()
  await becomes(official, 'talking')
  await official.getByTestId('write-self').click()
  const pages = [official, recorder]
  for (const page of pages) await seen(page, 'draft-title')

  // Two fields.
  for (let i = 0; i < 5; i++) {
    await Promise.all([official.getByTestId('draft-answer').fill(`已告知备案办法 ${i}`), recorder.getByTestId('draft-content').fill(`在南京住院 ${i}`)])
  }
  await until(stored, (t) => t.answer === '已告知备案办法 4' && t.content === '在南京住院 4')
  await until(() => value(official, 'content'), (v) => v === '在南京住院 4')
  await until(() => value(recorder, 'answer'), (v) => v === '已告知备案办法 4')
  for (const page of pages) assert.equal(await page.getByTestId('clashes').count(), 0)

  // One field: each answer once.
  let r = await race('title', pages, ['异地就医备案', '医保报销'])
  const name = r.first === official ? demo.accounts.find((a) => a.role === 'official').name : demo.accounts.find((a) => a.role === 'recorder').name
  assert.match(await text(r.late, 'clash-title'), new RegExp(`标题.*${name ?? ''}`), 'whose it is')
  await shoot(official, 'clash-official')
  await shoot(recorder, 'clash-recorder')
  await r.late.getByTestId('take-mine-title').click()
  await until(() => stored().title, (v) => v === r.mine)
  await until(() => value(r.first, 'title'), (v) => v === r.mine)

  r = await race('title', pages, ['甲', '乙'])
  await r.late.getByTestId('take-theirs-title').click()
  await until(() => value(r.late, 'title'), (v) => v === r.theirs)

  r = await race('content', pages, ['我父亲在南京住院', '要报销'])
  await r.late.reload() // the question outlives it
  await seen(r.late, 'state-word')
  if (r.late === official) await official.getByTestId('write-self').click()
  await seen(r.late, 'clash-content')
  await r.late.getByTestId('take-both-content').click()
  await until(() => stored().content, (v) => v === `${r.theirs}\n${r.mine}`)
  for (const page of pages) assert.equal(await page.getByTestId('clashes').count(), 0)

  await official.getByTestId('hangup').click()
  await caller.over()
  await seen(official, 'after-call')
  await until(() => official.getByTestId('next-caller').getAttribute('aria-disabled'), (d) => d === 'false')
  await official.getByTestId('next-caller').dblclick()
  await seen(official, 'lacking')
  await becomes(official, 'wrap_up') // a double click names it, and no more
  assert.match(await text(official, 'lacking'), /类别、处理方式/)
  assert.match(await text(official, 'next-caller'), /先接下一位/)
  await shoot(official, 'seat-lacking')
  await until(() => official.getByTestId('next-caller').getAttribute('aria-disabled'), (d) => d === 'false')
  await official.getByTestId('next-caller').click()
  await becomes(official, 'ready')
  assert.equal(stored().state, 'draft', 'it stays in the draft')
  for (const page of pages) assert.deepEqual(page.troubles, [])
})
