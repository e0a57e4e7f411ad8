// Transcripts of the official's page: what happens, and what stands on the screen then.
import { describe, expect, it } from 'vitest'

import type { Word } from '@/core/desk/wording'

import { opened, screen, step, type Event, type State } from './official'

const seat = (word: Word): Event => ({ is: 'seat', seat: 'read', word })
const phone = (over: Partial<Extract<Event, { is: 'phone' }>> = {}): Event => ({ is: 'phone', microphone: 'ok', line: 'registered', holder: 'here', media: false, ...over })

// What a line of a transcript says, by its words.
const events: Record<string, Event> = {
  'the seat is read, idle': seat('ready'),
  'the seat is read, in a call': seat('talking'),
  'the seat cannot be read': { is: 'seat', seat: 'unreadable', word: 'signed_out' },
  'the microphone is asked for': phone({ microphone: 'asking', line: 'off' }),
  'it waits for a voice': phone({ microphone: 'speak' }),
  'microphone and line are well': phone(),
  'the microphone is pulled out': phone({ microphone: 'fault' }),
  'the line is lost': phone({ line: 'lost' }),
  'another tab has the telephone': phone({ microphone: 'untried', line: 'off', holder: 'other_tab' }),
  'the telephone goes to another page': phone({ line: 'off', holder: 'released' }),
  'the telephone comes here, silent': phone({ microphone: 'speak' }),
  'the voices are heard here': phone({ microphone: 'speak', media: true }),
  'the call has gone, the microphone never passed': phone({ microphone: 'speak' }),
  开始接听: { is: 'ready' },
  重新测试: { is: 'asked' },
  'it rings': seat('ringing'),
  'it is answered': seat('talking'),
  'the citizen is on hold': seat('held'),
  'the line of the seat is lost in the call': seat('reconnecting'),
  'it is over': seat('wrap_up'),
  请接下一位: seat('ready'),
  小休: seat('rest'),
}

const said = (s: State): string => {
  const now = screen(s)
  return 'phone' in now && now.phone !== 'here' ? `${now.show} (${now.phone})` : now.show
}

// Each line: what happens → the screen. The first says how the page was opened.
function follow(transcript: string): void {
  const [first, ...lines] = transcript.trim().split('\n').map((l) => l.trim())
  let s = opened(first === 'a tab that has been tested')
  for (const line of lines) {
    const [what = '', then] = line.split(' → ')
    const e = events[what]
    if (!e) throw new Error(`unknown: ${what}`)
    s = step(s, e)
    expect(`${what} → ${said(s)}`).toBe(`${what} → ${then}`)
  }
}

describe('the official’s page', () => {
  it('on a first day', () => {
    follow(`
      a new tab
      the seat is read, idle → check
      the microphone is asked for → check
      it waits for a voice → check
      microphone and line are well → check
      开始接听 → idle
      it rings → ringing
      it is answered → talking
      the citizen is on hold → talking
      it is answered → talking
      it is over → after
      请接下一位 → idle
      小休 → idle`)
  })

  it('reloaded in a conversation', () => {
    follow(`
      a tab that has been tested
      the microphone is asked for → loading
      the seat is read, in a call → talking
      microphone and line are well → talking
      it is over → after
      请接下一位 → idle`)
  })

  it('takes the conversation over from another page, and shows the seat after it, not the test (RU10)', () => {
    follow(`
      a new tab
      the seat is read, in a call → talking (elsewhere)
      another tab has the telephone → talking (elsewhere)
      the telephone comes here, silent → talking
      the voices are heard here → talking
      it is over → after
      the call has gone, the microphone never passed → after
      请接下一位 → idle`)
  })

  it('asks for the test after a call whose voices never came here', () => {
    follow(`
      a new tab
      the seat is read, in a call → talking (elsewhere)
      the telephone comes here, silent → talking
      it is over → after
      请接下一位 → check`)
  })

  it('rings though the test is not done, and comes back to it', () => {
    follow(`
      a new tab
      the seat is read, idle → check
      microphone and line are well → check
      it rings → ringing
      请接下一位 → check`)
  })

  it('asks for the test when the microphone is pulled out, but not in a call, and lets go of it when it is well again', () => {
    follow(`
      a tab that has been tested
      the seat is read, idle → idle
      microphone and line are well → idle
      the microphone is pulled out → check
      it waits for a voice → check
      microphone and line are well → idle
      it rings → ringing
      it is answered → talking
      the microphone is pulled out → talking
      it is over → after
      请接下一位 → check
      microphone and line are well → idle`)
  })

  it('does the test again when somebody asks, until they go on', () => {
    follow(`
      a tab that has been tested
      the seat is read, idle → idle
      重新测试 → check
      it waits for a voice → check
      microphone and line are well → check
      开始接听 → idle
      it rings → ringing
      重新测试 → ringing
      请接下一位 → idle`)
  })

  it('says where the telephone is', () => {
    follow(`
      a tab that has been tested
      the seat is read, idle → idle
      the line is lost → idle (lost)
      microphone and line are well → idle
      the telephone goes to another page → claim
      it rings → ringing (elsewhere)
      it is answered → talking (elsewhere)
      microphone and line are well → talking
      the line of the seat is lost in the call → talking`)
  })

  it('tells when the seat cannot be read', () => {
    follow(`
      a new tab
      the seat cannot be read → trouble
      the seat is read, idle → check`)
  })
})
