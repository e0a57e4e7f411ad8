// Transcripts: what happens, with what stands in the form then → whose form is in front [and who waits for theirs].
import { expect, it } from 'vitest'

import { nothing, step, waits, type Event, type Form, type Front } from './front'

const empty: Form = { unfinished: true, words: false, writing: false }
const forms: Record<string, Form> = {
  empty,
  begun: { ...empty, words: true },
  writing: { ...empty, words: true, writing: true },
  focused: { ...empty, writing: true },
  registered: { unfinished: false, words: true, writing: false },
}
const verbs: Record<string, 'ringing' | 'serving' | 'over'> = { rings: 'ringing', talks: 'serving', over: 'over' }

function eventOf(what: string): Event {
  if (what === 'left') return { is: 'left' }
  if (what === 'nobody') return { is: 'call', id: '', stage: 'over' }
  const [id = '', verb = ''] = what.split(' ')
  return { is: 'call', id, stage: verbs[verb] ?? 'over' }
}

function follow(mine: boolean, transcript: string): void {
  let f: Front = nothing
  for (const line of transcript.trim().split('\n').map((l) => l.trim())) {
    const [, what = '', form = 'empty', then] = /^(.*?)(?: \((\w+)\))? → (.*)$/.exec(line) ?? []
    f = step(f, eventOf(what), forms[form] ?? empty, mine)
    expect(`${what} → ${f.call || 'none'}${waits(f) ? ` [${waits(f)}]` : ''}`).toBe(`${what} → ${then}`)
  }
}

it('stays with a recorder who writes, until they leave it (RU6)', () => {
  follow(false, `
    c1 rings → c1
    c1 talks → c1
    c1 over (writing) → c1
    nobody (begun) → c1
    c2 rings (begun) → c1 [c2]
    c2 talks (writing) → c1 [c2]
    c2 over (begun) → c1 [c2]
    left (begun) → c2`)
})

it('goes on by itself when nothing is left to do in it', () => {
  follow(false, `
    c1 talks → c1
    c1 over (begun) → c1
    nobody (registered) → none
    c2 rings → c2
    c3 rings (empty) → c3
    c4 rings (focused) → c3 [c4]`)
})

it('is not pulled away from an official by the next call (RU1), and is the next citizen’s once that one is answered', () => {
  follow(true, `
    c1 over (writing) → c1
    c2 rings (writing) → c1 [c2]
    c2 talks (begun) → c2
    c2 over (begun) → c2
    left (begun) → none
    c2 over → none
    nobody → none
    c3 rings → c3`)
})

it('is not pulled away from an official in mid-word even then', () => {
  follow(true, `
    c1 over → c1
    c2 rings (writing) → c1 [c2]
    c2 talks (writing) → c1 [c2]
    left (writing) → c2`)
})
