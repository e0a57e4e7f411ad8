// What a fact alone says of the call at a seat, before the card is read again. Pure.
import type { Card } from '@/api/types'
import type { Fact } from '@/lib/socket'

const text = (v: unknown): string => (typeof v === 'string' ? v : '')

// applied answers the same card when the fact says nothing new about it.
export function applied(card: Card | null, f: Fact): Card | null {
  const same = card?.id === f.subject ? card : null
  switch (f.kind) {
    case 'call.offered':
      return {
        id: f.subject,
        state: 'offered',
        masked: text(f.data.masked),
        place: text(f.data.place),
        arrived_at: same?.arrived_at ?? text(f.data.queued_at),
        queued_at: text(f.data.queued_at),
        answered_at: null,
        seat: text(f.data.seat),
        muted: false,
        held_at: null,
        offer: { id: text(f.data.offer), offered_at: text(f.data.offered_at), expires_at: text(f.data.expires_at) },
        wrapup_until: null,
        version: same?.version ?? 0,
        outcome: '',
      }
    case 'call.requeued':
      return same ? null : card
    case 'call.talking':
      // Who comes back to a citizen on hold comes back to that.
      return same ? { ...same, state: f.data.held === true ? 'held' : 'talking', offer: null, answered_at: same.answered_at ?? f.at } : card
    case 'call.held':
      return same ? { ...same, state: 'held', held_at: f.at } : card
    case 'call.resumed':
      return same ? { ...same, state: 'talking', held_at: null } : card
    case 'call.muted':
      return same ? { ...same, muted: f.data.muted === true } : card
    case 'call.reconnecting':
      return same ? { ...same, state: 'reconnecting', offer: null } : card
    case 'call.ended':
      // A call that was never answered here leaves no work behind.
      if (!same) return card
      return same.answered_at ? { ...same, state: 'ended', offer: null, held_at: null } : null
    default:
      return card
  }
}
