// One word, one colour and one icon per state (panel.md 3); the word comes first, colour alone says nothing.
import {
  BellFilled,
  CircleCheckFilled,
  Clock,
  Connection,
  CoffeeCup,
  EditPen,
  PhoneFilled,
  Promotion,
  RemoveFilled,
  SwitchButton,
  UserFilled,
  VideoPause,
  WarningFilled,
} from '@element-plus/icons-vue'
import type { Component } from 'vue'

import type { CallState, Card, Named, Place, Seat, Shown } from '@/api/types'

// The words of a call while somebody of ours has it (telephony.Word); what a seat shows besides is agent's.
export type Serving = Extract<CallState, 'talking' | 'held' | 'consulting' | 'conference' | 'transferring' | 'reconnecting'>
export type Word = Shown | Serving
export type Tone = 'ready' | 'ring' | 'talk' | 'hold' | 'consult' | 'wrap' | 'rest' | 'fault'

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
  held: { tone: 'hold', icon: VideoPause, pulse: false },
  consulting: { tone: 'consult', icon: UserFilled, pulse: false },
  conference: { tone: 'consult', icon: UserFilled, pulse: false },
  transferring: { tone: 'consult', icon: Promotion, pulse: false },
  reconnecting: { tone: 'ring', icon: Connection, pulse: true },
  wrap_up: { tone: 'wrap', icon: EditPen, pulse: false },
  rest: { tone: 'rest', icon: CoffeeCup, pulse: false },
  busy: { tone: 'rest', icon: RemoveFilled, pulse: false },
  device_failed: { tone: 'fault', icon: WarningFilled, pulse: false },
  pending_rest: { tone: 'hold', icon: Clock, pulse: false },
  pending_sign_out: { tone: 'hold', icon: Clock, pulse: false },
}

const served: ReadonlySet<string> = new Set<Serving>(['talking', 'held', 'consulting', 'conference', 'transferring', 'reconnecting'])

// serves: the citizen of this seat is served now, whoever hears whom.
export const serves = (word: string): word is Serving => served.has(word)

// atCall: a citizen is at this seat, or has just been.
export const atCall = (word: Word): boolean => word === 'ringing' || word === 'wrap_up' || serves(word)

export const lookOf = (word: Word): Look => looks[word]

// wordAt is what a seat shows. The call at it speaks first: its news arrives before the seat's own row is read again.
export function wordAt(seat: Pick<Seat, 'shown' | 'work'>, card: Pick<Card, 'state' | 'wrapup_until'> | null): Word {
  if (!card) return seat.shown
  if (serves(card.state)) return card.state
  if (card.state === 'offered') return 'ringing'
  return card.state === 'ended' && card.wrapup_until && seat.work === 'wrap_up' ? 'wrap_up' : seat.shown
}

// sitterAt is who has a place at a seat; null: nobody.
export const sitterAt = (seat: Seat, place: Place): Named | null => (place === 'official' ? seat.person : seat[place])

// writesBeside: a recorder is there and has a page. Otherwise the form is the official's own (RU13).
export const writesBeside = (seat: Seat | null): boolean => seat?.recorder != null && !away(seat, 'recorder')

// away: whoever has the place has had no page for a while.
export const away = (seat: Seat, place: Place): boolean => seat.away.some((p) => p === place)

// since is the instant from which the state's timer runs; null shows no timer.
export function sinceOf(word: Word, seat: Pick<Seat, 'intent_since' | 'work_since'>, card: Card | null): string | null {
  switch (word) {
    case 'signed_out':
    case 'device_failed':
      return null
    case 'ringing':
      return card?.offer?.offered_at ?? seat.work_since
    case 'held':
      return card?.held_at ?? null
    case 'talking':
    case 'consulting':
    case 'conference':
    case 'transferring':
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
