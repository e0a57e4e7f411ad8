// Whether the page hears the conversation that its call says it is in (RU2). Pure: fed with what getStats() counts once a second.

export interface Sample {
  at: number // ms
  received: number | null // packets so far on this connection; null: there is no connection
  alive: boolean // the connection still answers
}

export interface Hearing {
  since: number | null // of the last packet, or of when the first was due; null: nothing is due
  received: number
  mendedAt: number
}

export const patience = 3000
const between = 10_000 // from one mend to the next: a way back takes a second or two

export const deaf: Hearing = { since: null, received: 0, mendedAt: -Infinity }

// hear takes a sample in; due: the call says that both are in conversation at this page.
export function hear(h: Hearing, s: Sample, due: boolean): Hearing {
  if (!due) return { ...h, since: null, received: 0 }
  const received = s.received ?? 0
  if (h.since === null || received > h.received) return { ...h, since: s.at, received }
  return { ...h, received }
}

// silent: nothing has come for too long, and people are told.
export const silent = (h: Hearing, at: number): boolean => h.since !== null && at - h.since >= patience

// mends: the way is broken and has to be built anew. A way that answers and has brought something is not: some lines send
// nothing while the citizen listens.
export function mends(h: Hearing, s: Sample): boolean {
  const broken = s.received === null || s.received === 0 || !s.alive
  return silent(h, s.at) && broken && s.at - h.mendedAt >= between
}
