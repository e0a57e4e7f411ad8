// What the list of tickets is asked for, and what news has done to it. Pure.
import type { TicketLine, TicketQuery } from '@/api/types'

// The filters of the list, as the address of the page keeps them.
export interface Filters {
  state: '' | NonNullable<TicketQuery['state']>
  due: '' | NonNullable<TicketQuery['due']>
  class: '' | NonNullable<TicketQuery['class']>
  unit: string
  q: string
}

export const noFilters: Filters = { state: '', due: '', class: '', unit: '', q: '' }

// Each chip is a state, or a window of what is due.
export const chips = [
  { name: 'all', state: '', due: '' },
  { name: 'overdue', state: '', due: 'overdue' },
  { name: 'today', state: '', due: 'today' },
  { name: 'week', state: '', due: 'week' },
  { name: 'later', state: '', due: 'later' },
  { name: 'draft', state: 'draft', due: '' },
  { name: 'closed', state: 'closed', due: '' },
  { name: 'live', state: 'live', due: '' },
] as const satisfies readonly ({ name: string } & Pick<Filters, 'state' | 'due'>)[]

export type Chip = (typeof chips)[number]['name']

export const chipOf = (f: Filters): Chip => chips.find((c) => c.state === f.state && c.due === f.due)?.name ?? 'all'

const allowed: { [K in 'state' | 'due' | 'class']: readonly Filters[K][] } = {
  state: ['live', 'draft', 'registered', 'closed'],
  due: ['overdue', 'today', 'week', 'later'],
  class: ['consultation', 'other'],
}

// fromAddress reads filters that somebody has kept or been sent; what is none is left out.
export function fromAddress(query: Record<string, unknown>): Filters {
  const one = <K extends keyof typeof allowed>(name: K): Filters[K] => allowed[name].find((v) => v === query[name]) ?? noFilters[name]
  const text = (name: 'unit' | 'q'): string => (typeof query[name] === 'string' ? query[name] : '')
  return { state: one('state'), due: one('due'), class: one('class'), unit: text('unit'), q: text('q') }
}

// narrowed are the filters that are set: the address, and what is asked of the server.
export function narrowed(f: Filters): Pick<TicketQuery, keyof Filters> {
  return Object.fromEntries(Object.entries({ ...f, q: f.q.trim() }).filter(([, v]) => v !== ''))
}

// changes is how many rows differ between what is shown and what there is now: new, changed, gone.
export function changes(shown: readonly TicketLine[], now: readonly TicketLine[]): number {
  const was = new Map(shown.map((k) => [k.id, k]))
  const is = new Set(now.map((k) => k.id))
  const came = now.filter((k) => !was.has(k.id) || was.get(k.id)?.version !== k.version || was.get(k.id)?.live !== k.live).length
  return came + shown.filter((k) => !is.has(k.id)).length
}
