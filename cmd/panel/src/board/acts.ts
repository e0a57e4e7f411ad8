// What a supervisor may do to a seat as it is now (design.md 7: force state), and what wants their hand. Pure.
import type { BoardSeat } from '@/api/types'

export type SeatAct = 'ready' | 'rest' | 'busy' | 'cancel' | 'sign_out' | 'recorder_out'

// An act that takes something away from somebody looks like it and is asked for last.
export const destructive = (a: SeatAct): boolean => a === 'sign_out' || a === 'recorder_out'

// A wish that is made in a call waits for its end (A4); a sign-out too. The recorder's goes at once.
export const waits = (a: SeatAct, s: Pick<BoardSeat, 'work'>): boolean => s.work !== 'idle' && (a === 'rest' || a === 'busy' || a === 'sign_out')

export function actsOf(s: Pick<BoardSeat, 'person' | 'recorder' | 'intent' | 'pending' | 'device'>): SeatAct[] {
  const acts: SeatAct[] = []
  if (s.person) {
    if (s.pending !== '') acts.push('cancel')
    if (s.intent !== 'ready' && s.device === 'ok') acts.push('ready')
    if (s.intent !== 'rest' && s.pending !== 'rest') acts.push('rest')
    if (s.intent !== 'busy' && s.pending !== 'busy') acts.push('busy')
    if (s.pending !== 'sign_out') acts.push('sign_out')
  }
  if (s.recorder) acts.push('recorder_out')
  return acts
}

const missesTold = 3 // in a row, of which staff are told (A8)

export interface Alert {
  seat: BoardSeat
  why: 'unanswered' | 'page_away' | 'device'
  since: string | null // how long already
  act: SeatAct // what mends it
}

// alertsOf is what wants a hand, the worst first: who is rung in vain keeps citizens waiting.
export function alertsOf(seats: BoardSeat[], pagesAway: Record<string, string>): Alert[] {
  const of = (why: Alert['why'], act: SeatAct, is: (s: BoardSeat) => boolean, since: (s: BoardSeat) => string | null): Alert[] =>
    seats.filter(is).map((seat) => ({ seat, why, since: since(seat), act }))
  const taken = (s: BoardSeat): boolean => s.person !== null && s.intent === 'ready' && s.pending === ''
  const missing = (s: BoardSeat): boolean => taken(s) && s.misses >= missesTold
  return [
    ...of('unanswered', 'busy', missing, () => null),
    ...of('device', 'busy', (s) => taken(s) && s.shown === 'device_failed' && !missing(s), () => null),
    ...of('page_away', 'sign_out', (s) => s.person !== null && s.pending !== 'sign_out' && pagesAway[s.id] !== undefined && !missing(s) && s.shown !== 'device_failed', (s) => pagesAway[s.id] ?? null),
  ]
}

// columnsFor is how many seats stand side by side so that all are as large as the room allows: six fill it, and so do sixty.
export function columnsFor(seats: number): number {
  const room = 1.6 // of the width to the height, on the screens that are used
  const card = 1.55
  let best = 1
  let size = 0
  for (let cols = 1; cols <= Math.max(1, seats); cols++) {
    const is = Math.min(room / cols / card, 1 / Math.ceil(seats / cols))
    if (is > size + 1e-9) [best, size] = [cols, is]
  }
  return best
}
