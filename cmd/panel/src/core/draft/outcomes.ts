import type { TicketOutcome } from '@/api/types'

// The three that an official chooses from after a call (S-19), and the rest of the closed list (domain.md 2.4).
export const mainOutcomes = ['answered', 'ticket', 'explained_policy'] as const
export const otherOutcomes = [
  'transfer_emergency',
  'refer_legal',
  'repeat_no_new_facts',
  'secret_or_privacy',
  'against_order',
  'other_place_or_level',
  'market_or_private',
  'no_content',
  'abusive',
] as const

// staysOpen: only a ticket is handled further and carries a promise; every other outcome closes at registration.
export const staysOpen = (o: TicketOutcome): boolean => o === 'ticket' || o === ''
