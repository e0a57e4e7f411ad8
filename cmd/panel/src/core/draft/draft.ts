// A draft as two people type it at once: what the server has, and what this page has changed since. Pure.
import type { Ticket, TicketFields, TicketOutcome } from '@/api/types'

export type Edits = Partial<TicketFields>
export type Field = keyof TicketFields

export interface Draft {
  base: Ticket
  edits: Edits
  seen: Seen
}

// On which version each edit was begun: what somebody else has written in the field since clashes with it (RC6).
export type Seen = Partial<Record<Field, number>>

// What is not saved yet, as it is kept through a reload.
export type Unsaved = Pick<Draft, 'edits' | 'seen'>

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

export const fresh = (base: Ticket): Draft => ({ base, edits: {}, seen: {} })

// shown is what the form shows: own typing over what the server has.
export function shown(d: Draft): Ticket {
  return { ...d.base, ...d.edits }
}

export function edit<F extends Field>(d: Draft, field: F, value: TicketFields[F]): Draft {
  return pruned({ base: d.base, edits: { ...d.edits, [field]: value }, seen: { ...d.seen, [field]: d.seen[field] ?? d.base.version } })
}

// rebase puts own typing upon a newer ticket: fields that nobody touched here take the other's words; touched ones stay.
export function rebase(d: Draft, newer: Ticket): Draft {
  if (newer.version < d.base.version) return d // an answer that was overtaken
  if (newer.state !== 'draft') return fresh(newer) // registered by the other: what it says is what holds
  return pruned({ ...d, base: newer })
}

// saved takes the server's answer to a patch. What was typed while it was on its way stays an edit, begun on the answer.
export function saved(d: Draft, sent: Edits, answer: Ticket): Draft {
  const edits: Edits = { ...d.edits }
  const seen: Seen = { ...d.seen }
  for (const f of fields) {
    if (!(f in sent)) continue
    if (edits[f] === sent[f]) delete edits[f]
    seen[f] = answer.version
  }
  return pruned({ base: answer.version >= d.base.version ? answer : d.base, edits, seen })
}

export function dirty(d: Draft): boolean {
  return Object.keys(d.edits).length > 0
}

// clashes are the edited fields in which somebody else was first: the person chooses before they are saved.
export function clashes(d: Draft): Field[] {
  return fields.filter((f) => f in d.edits && (d.base.written[f]?.version ?? 0) > (d.seen[f] ?? d.base.version))
}

// sendable is what can be saved now.
export function sendable(d: Draft): Edits {
  const edits: Edits = { ...d.edits }
  for (const f of clashes(d)) delete edits[f]
  return edits
}

// What becomes of a field in which both have written.
export type Choice = 'mine' | 'theirs' | 'both'

// Long texts may both stay, one under the other.
export const joins = (f: Field): boolean => f === 'content' || f === 'answer'

// settle lets the person's choice stand, made on what is there now.
export function settle(d: Draft, field: Field, choice: Choice): Draft {
  const edits: Edits = { ...d.edits }
  if (choice === 'theirs') delete edits[field]
  if (choice === 'both' && joins(field)) Object.assign(edits, { [field]: `${d.base[field]}\n${edits[field]}` })
  return pruned({ base: d.base, edits, seen: { ...d.seen, [field]: d.base.version } })
}

// both lets all words stand where nobody has chosen: long texts under each other, short ones under the content. Choices are the other's.
export function both(d: Draft): Draft {
  let out = d
  const lines: string[] = []
  for (const f of clashes(d)) {
    const mine = d.edits[f]
    if (!joins(f) && typeof mine === 'string' && f !== 'class' && f !== 'outcome' && mine.trim() !== '') lines.push(mine)
    out = settle(out, f, joins(f) ? 'both' : 'theirs')
  }
  return lines.length === 0 ? out : edit(out, 'content', [shown(out).content, ...lines].filter((l) => l !== '').join('\n'))
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
  const seen: Seen = {}
  for (const f of fields) {
    if (!(f in d.edits) || d.edits[f] === d.base[f]) continue
    Object.assign(edits, { [f]: d.edits[f] })
    seen[f] = d.seen[f] ?? d.base.version
  }
  return { base: d.base, edits, seen }
}
