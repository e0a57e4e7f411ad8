// One word, one colour and one icon per state (panel.md 3); the word comes first, colour alone says nothing.
import {
  BellFilled,
  CircleCheckFilled,
  Clock,
  Connection,
  CoffeeCup,
  EditPen,
  PhoneFilled,
  RemoveFilled,
  SwitchButton,
  WarningFilled,
} from '@element-plus/icons-vue'
import type { Component } from 'vue'

import type { Card, Seat, Shown } from '@/api/types'

export type Word = Shown | 'connecting' | 'reconnecting'
export type Tone = 'ready' | 'ring' | 'talk' | 'hold' | 'wrap' | 'rest' | 'fault'

export interface Look {
  tone: Tone
  icon: Component
  pulse: boolean
}

const looks: Record<Word, Look> = {
  signed_out: { tone: 'rest', icon: SwitchButton, pulse: false },
  ready: { tone: 'ready', icon: CircleCheckFilled, pulse: false },
  ringing: { tone: 'ring', icon: BellFilled, pulse: true },
  talking: { tone: 'talk', icon: PhoneFilled, pulse: false },
  connecting: { tone: 'talk', icon: Connection, pulse: false },
  reconnecting: { tone: 'ring', icon: Connection, pulse: true },
  wrap_up: { tone: 'wrap', icon: EditPen, pulse: false },
  rest: { tone: 'rest', icon: CoffeeCup, pulse: false },
  busy: { tone: 'rest', icon: RemoveFilled, pulse: false },
  device_failed: { tone: 'fault', icon: WarningFilled, pulse: false },
  pending_rest: { tone: 'hold', icon: Clock, pulse: false },
  pending_sign_out: { tone: 'hold', icon: Clock, pulse: false },
}

// atCall: a citizen is at this seat, or has just been.
export const atCall = (word: Word): boolean =>
  word === 'ringing' || word === 'connecting' || word === 'talking' || word === 'reconnecting' || word === 'wrap_up'

export const lookOf = (word: Word): Look => looks[word]

// wordAt is what a seat shows. The call at it speaks first: its news arrives before the seat's own row is read again.
export function wordAt(seat: Pick<Seat, 'shown' | 'work'>, card: Pick<Card, 'state' | 'wrapup_until'> | null): Word {
  switch (card?.state) {
    case 'offered':
      return 'ringing'
    case 'connecting':
      return 'connecting'
    case 'talking':
      return 'talking'
    case 'reconnecting':
      return 'reconnecting'
    case 'ended':
      return card.wrapup_until && seat.work === 'wrap_up' ? 'wrap_up' : seat.shown
    default:
      return seat.shown
  }
}

// since is the instant from which the state's timer runs; null shows no timer.
export function sinceOf(word: Word, seat: Seat, card: Card | null): string | null {
  switch (word) {
    case 'signed_out':
    case 'device_failed':
      return null
    case 'ringing':
      return card?.offer?.offered_at ?? seat.work_since
    case 'talking':
    case 'connecting':
    case 'reconnecting':
      return card?.answered_at ?? seat.work_since
    case 'rest':
    case 'busy':
      return seat.intent_since
    case 'ready':
      return later(seat.intent_since, seat.work_since)
    case 'wrap_up':
    case 'pending_rest':
    case 'pending_sign_out':
      return seat.work_since
  }
}

const later = (a: string, b: string): string => (Date.parse(a) > Date.parse(b) ? a : b)

// urgency of a wait: amber from the target T, red from three times it (panel.md 3).
export type Urgency = 'calm' | 'amber' | 'red'

const target = 15_000

export function urgencyOf(waitMs: number): Urgency {
  if (waitMs >= 3 * target) return 'red'
  return waitMs >= target ? 'amber' : 'calm'
}
