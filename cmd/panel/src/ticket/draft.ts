// A draft as two people type it at once: what the server has, and what this page has changed since. Pure.
import type { Ticket, TicketFields, TicketOutcome } from '@/api/types'

export type Edits = Partial<TicketFields>
export type Field = keyof TicketFields

export interface Draft {
  base: Ticket
  edits: Edits
}

export const fields: readonly Field[] = [
  'title',
  'content',
  'answer',
  'class',
  'outcome',
  'contact_name',
  'event_place',
  'confidential',
]

// shown is what the form shows: own typing over what the server has.
export function shown(d: Draft): Ticket {
  return { ...d.base, ...d.edits }
}

export function edit<F extends Field>(d: Draft, field: F, value: TicketFields[F]): Draft {
  const edits: Edits = { ...d.edits, [field]: value }
  return pruned({ base: d.base, edits })
}

// rebase puts own typing upon a newer ticket: fields that nobody touched here take the other's words; touched ones stay.
export function rebase(d: Draft, newer: Ticket): Draft {
  if (newer.version < d.base.version) return d // an answer that was overtaken
  if (newer.state !== 'draft') return { base: newer, edits: {} } // registered by the other: what it says is what holds
  return pruned({ base: newer, edits: d.edits })
}

// saved takes the server's answer to a patch. What was typed while it was on its way stays an edit.
export function saved(d: Draft, sent: Edits, answer: Ticket): Draft {
  const edits: Edits = { ...d.edits }
  for (const f of fields) if (f in sent && edits[f] === sent[f]) delete edits[f]
  return pruned({ base: answer.version >= d.base.version ? answer : d.base, edits })
}

export function dirty(d: Draft): boolean {
  return Object.keys(d.edits).length > 0
}

export type Needed = 'title' | 'class' | 'outcome' | 'answer'

// needs names what an outcome cannot be registered without, as the server will ask (ticketing.Outcome).
export function needs(o: TicketOutcome): Needed[] {
  switch (o) {
    case '':
    case 'ticket':
      return ['title', 'class', 'outcome']
    case 'transfer_emergency':
    case 'no_content':
    case 'abusive':
      return ['title', 'outcome'] // no matter was put
    default:
      return ['title', 'class', 'outcome', 'answer'] // the answer or the reason given (S-20)
  }
}

// missing names the fields that registration still needs.
export function missing(t: TicketFields): Needed[] {
  return needs(t.outcome).filter((f) => t[f].trim() === '')
}

function pruned(d: Draft): Draft {
  const edits: Edits = {}
  for (const f of fields) if (f in d.edits && d.edits[f] !== d.base[f]) Object.assign(edits, { [f]: d.edits[f] })
  return { base: d.base, edits }
}
