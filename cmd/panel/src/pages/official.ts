// The official's page as one machine: what happens to the seat, to its telephone and by the person's hand, and the one screen that
// follows (RU10). Pure; SeatPage.vue tells it and draws it.
import { atCall, serves, type Word } from '@/core/desk/wording'

export type Check = 'none' | 'first' | 'fault' | 'asked' // why the test before answering is wanted

export interface State {
  seat: 'reading' | 'unreadable' | 'read'
  word: Word
  microphone: 'untried' | 'asking' | 'speak' | 'ok' | 'fault'
  line: 'off' | 'registering' | 'registered' | 'lost'
  holder: 'here' | 'other_tab' | 'released'
  media: boolean // the conversation is heard at this page
  check: Check
}

export type Event =
  | { is: 'opened'; tested: boolean } // tested: this tab has passed the test at this seat
  | { is: 'seat'; seat: State['seat']; word: Word }
  | { is: 'phone'; microphone: State['microphone']; line: State['line']; holder: State['holder']; media: boolean }
  | { is: 'ready' } // 开始接听
  | { is: 'asked' } // once more the test

export const opened = (tested: boolean): State => step(
  { seat: 'reading', word: 'signed_out', microphone: 'untried', line: 'off', holder: 'here', media: false, check: 'none' },
  { is: 'opened', tested },
)

export function step(s: State, e: Event): State {
  switch (e.is) {
    case 'opened':
      return { ...s, check: e.tested ? 'none' : 'first' }
    case 'seat':
      return carried({ ...s, seat: e.seat, word: e.word })
    case 'phone':
      return carried({ ...s, microphone: e.microphone, line: e.line, holder: e.holder, media: e.media, check: checkBy(s.check, e.microphone) })
    case 'ready':
      return { ...s, check: 'none' }
    case 'asked':
      return { ...s, check: atCall(s.word) ? s.check : 'asked' }
  }
}

// A fault asks for the test until the microphone is well again; what was asked for by a person, or never done, stays.
function checkBy(check: Check, microphone: State['microphone']): Check {
  if (microphone === 'fault' && check === 'none') return 'fault'
  return microphone === 'ok' && check === 'fault' ? 'none' : check
}

// A conversation that was heard here has tested everything there is to test.
const carried = (s: State): State => (s.check === 'first' && s.media && serves(s.word) ? { ...s, check: 'none' } : s)

export type Screen =
  | { show: 'loading' | 'trouble' | 'claim' | 'check' }
  | { show: 'idle' | 'ringing' | 'talking' | 'after'; phone: 'here' | 'elsewhere' | 'lost' }

// screen: a call is never hidden behind a test, nor behind a telephone that is elsewhere.
export function screen(s: State): Screen {
  if (s.seat === 'unreadable') return { show: 'trouble' }
  if (s.seat === 'reading') return { show: 'loading' }
  if (!atCall(s.word)) {
    if (s.holder !== 'here') return { show: 'claim' }
    if (s.check !== 'none') return { show: 'check' }
  }
  return { show: showOf(s.word), phone: phoneOf(s) }
}

function showOf(word: Word): 'idle' | 'ringing' | 'talking' | 'after' {
  if (word === 'ringing') return 'ringing'
  if (word === 'wrap_up') return 'after'
  return serves(word) ? 'talking' : 'idle'
}

function phoneOf(s: State): 'here' | 'elsewhere' | 'lost' {
  if (s.holder !== 'here' || (atCall(s.word) && s.microphone === 'untried')) return 'elsewhere'
  return s.line === 'lost' ? 'lost' : 'here'
}
