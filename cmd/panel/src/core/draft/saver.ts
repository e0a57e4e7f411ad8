// The saver keeps one draft: it saves as typed, one request at a time, and lets the person choose where somebody else was faster.
// What it shows is reactive.
import { shallowRef } from 'vue'

import { asProblem, Problem } from '@/api/problem'
import type { Ticket, TicketFields } from '@/api/types'

import { both, clashes, dirty, edit, fresh, rebase, saved, sendable, settle, shown, type Choice, type Draft, type Edits, type Field, type Seen, type Unsaved } from './draft'

export interface SaverPorts {
  save(id: string, version: number, edits: Edits, seen: Seen): Promise<Ticket>
  read(id: string): Promise<Ticket>
  register(id: string, version: number): Promise<Ticket>
  now(): number
  keep: { get(id: string): Unsaved | null; set(id: string, unsaved: Unsaved | null): void } // survives a reload, not the tab
}

export type SaveState = 'clean' | 'typing' | 'saving' | 'retrying' | 'refused' | 'clashing'

const rest = 400 // after the last key
const pauses = [1000, 2000, 4000, 8000]
const rebases = 6 // in a row; two people cannot be faster than that

export class Saver {
  private readonly now = {
    draft: shallowRef<Draft>(null as never),
    state: shallowRef<SaveState>('clean'),
    savedAt: shallowRef<number | null>(null),
    problem: shallowRef<Problem | null>(null),
  }

  private timer: ReturnType<typeof setTimeout> | undefined
  private running: Promise<void> | null = null
  private failures = 0 // in a row
  private sent: Edits = {} // on its way, or its answer was lost: met again, these words are nobody else's
  private news: Ticket | null = null // came while a save was on its way, which it may be the news of

  constructor(
    ticket: Ticket,
    private readonly ports: SaverPorts,
  ) {
    this.draft = fresh(ticket)
    const kept = ports.keep.get(ticket.id)
    if (!kept?.edits) return
    this.draft = rebase({ base: ticket, ...kept }, ticket)
    if (Object.keys(sendable(this.draft)).length > 0) this.later(rest)
    else if (dirty(this.draft)) this.state = 'clashing'
  }

  get draft(): Draft {
    return this.now.draft.value
  }

  private set draft(d: Draft) {
    this.now.draft.value = d
  }

  get state(): SaveState {
    return this.now.state.value
  }

  private set state(s: SaveState) {
    this.now.state.value = s
  }

  get savedAt(): number | null {
    return this.now.savedAt.value
  }

  // problem is why it was refused, or why it is tried again.
  get problem(): Problem | null {
    return this.now.problem.value
  }

  get ticket(): Ticket {
    return shown(this.draft)
  }

  // clashes are the fields in which the person has to choose.
  get clashes(): Field[] {
    return clashes(this.draft)
  }

  typed = false // by the person at this page

  type<F extends Field>(field: F, value: TicketFields[F]): void {
    this.typed = true
    this.draft = edit(this.draft, field, value)
    this.touched()
  }

  // settle is the person's choice in a field where both have written.
  settle(field: Field, choice: Choice): void {
    this.draft = settle(this.draft, field, choice)
    this.touched()
  }

  // leave is for who goes without having chosen: what both have written stays, one under the other.
  leave(): void {
    if (this.clashes.length === 0) return
    this.draft = both(this.draft)
    this.touched()
  }

  // heard takes a newer ticket that came another way.
  heard(ticket: Ticket): void {
    if (this.running && ticket.state === 'draft') {
      if (!this.news || ticket.version > this.news.version) this.news = ticket
      return
    }
    this.rebase(ticket)
    this.keep()
    if (this.state === 'clean' || this.state === 'clashing' || (this.state === 'typing' && !this.unsent)) this.restate()
  }

  // flush saves at once and answers when nothing is left to save, or saving is refused, or the person has to choose.
  async flush(): Promise<void> {
    clearTimeout(this.timer)
    while (this.running || (this.unsent && this.state !== 'refused' && this.state !== 'retrying')) {
      this.running ??= this.save().finally(() => (this.running = null))
      await this.running
    }
  }

  async register(): Promise<Ticket> {
    if (this.state === 'retrying') this.state = 'typing'
    await this.flush()
    if (this.clashes.length > 0) throw new Problem(409, 'ticket.clash')
    if (dirty(this.draft)) throw this.problem ?? asProblem('draft is not saved')
    for (let tries = 0; ; tries++) {
      try {
        const ticket = await this.ports.register(this.draft.base.id, this.draft.base.version)
        this.heard(ticket)
        return ticket
      } catch (err) {
        if (asProblem(err).code !== 'version.stale' || tries >= rebases) throw err
        this.heard(await this.ports.read(this.draft.base.id))
      }
    }
  }

  // retry is the person's own: after a refusal, once the field is mended, or before the pause is over.
  retry(): void {
    this.state = 'typing'
    void this.flush()
  }

  close(): void {
    clearTimeout(this.timer)
  }

  private get unsent(): boolean {
    return Object.keys(sendable(this.draft)).length > 0
  }

  private touched(): void {
    this.keep()
    if (this.state === 'saving') this.later(rest)
    else this.restate()
  }

  private restate(): void {
    this.state = this.unsent ? 'typing' : dirty(this.draft) ? 'clashing' : 'clean'
    if (this.unsent) this.later(rest)
  }

  private keep(): void {
    const { base, edits, seen } = this.draft
    this.ports.keep.set(base.id, dirty(this.draft) ? { edits, seen } : null)
  }

  // rebase takes a newer ticket in. Own words whose answer was lost are not somebody else's.
  private rebase(newer: Ticket): void {
    this.draft = rebase(this.draft, newer)
    for (const f of this.clashes) if (f in this.sent && this.sent[f] === this.draft.base[f]) this.draft = settle(this.draft, f, 'mine')
  }

  private later(ms: number): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.retry(), ms)
  }

  private async save(): Promise<void> {
    for (let stale = 0; this.unsent; ) {
      const { base, seen } = this.draft
      const sent = (this.sent = sendable(this.draft))
      this.become('saving', null)
      try {
        const answer = await this.ports.save(base.id, base.version, sent, older(seen, sent, base.version))
        this.draft = saved(this.draft, sent, answer) // this.draft as it is now: typing went on meanwhile
        this.sent = {}
        this.now.savedAt.value = this.ports.now()
        stale = this.failures = 0
      } catch (err) {
        const problem = asProblem(err)
        const moved = problem.code === 'version.stale' || problem.code === 'ticket.clash' || problem.code === 'ticket.not_draft'
        if (!moved || stale++ >= rebases || !(await this.reread(base.id, problem))) return this.failed(problem)
      }
      this.overheard()
    }
    this.become(dirty(this.draft) ? 'clashing' : 'clean', null)
  }

  // overheard takes in what came while a save was on its way.
  private overheard(): void {
    if (this.news) this.rebase(this.news)
    this.news = null
    this.keep()
  }

  private async reread(id: string, problem: Problem): Promise<boolean> {
    try {
      this.rebase(problem.now === undefined ? await this.ports.read(id) : (problem.now as Ticket))
      return true
    } catch {
      return false
    }
  }

  private failed(problem: Problem): void {
    this.overheard()
    const passing = problem.status === 0 || problem.status >= 500 || problem.code === 'version.stale'
    this.become(passing ? 'retrying' : 'refused', problem)
    if (passing) this.later(pauses[Math.min(this.failures++, pauses.length - 1)] ?? rest)
  }

  private become(state: SaveState, problem: Problem | null): void {
    this.state = state
    this.now.problem.value = problem
  }
}

// older names the fields that were begun on an older version than the patch as a whole.
function older(seen: Seen, sent: Edits, version: number): Seen {
  const out: Seen = {}
  for (const f of Object.keys(sent) as Field[]) if ((seen[f] ?? version) < version) out[f] = seen[f]
  return out
}
