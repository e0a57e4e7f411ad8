// The saver keeps one draft: it saves as typed, one request at a time, and rebases when somebody else was faster.
import { asProblem, type Problem } from '@/api/problem'
import type { Ticket, TicketFields } from '@/api/types'

import { dirty, edit, rebase, saved, shown, type Draft, type Edits, type Field } from './draft'

export interface SaverPorts {
  save(id: string, version: number, edits: Edits): Promise<Ticket>
  read(id: string): Promise<Ticket>
  register(id: string, version: number): Promise<Ticket>
  now(): number
  changed(): void
  keep: { get(id: string): Edits | null; set(id: string, edits: Edits | null): void } // survives a reload, not the tab
}

export type SaveState = 'clean' | 'typing' | 'saving' | 'retrying' | 'refused'

const rest = 400 // after the last key
const pauses = [1000, 2000, 4000, 8000]
const rebases = 6 // in a row; two people cannot be faster than that

export class Saver {
  draft: Draft
  state: SaveState = 'clean'
  savedAt: number | null = null
  problem: Problem | null = null // why it was refused, or why it is tried again

  private timer: ReturnType<typeof setTimeout> | undefined
  private running: Promise<void> | null = null
  private failures = 0 // in a row

  constructor(
    ticket: Ticket,
    private readonly ports: SaverPorts,
  ) {
    this.draft = { base: ticket, edits: {} }
    const kept = ports.keep.get(ticket.id)
    if (!kept) return
    this.draft = rebase({ base: ticket, edits: kept }, ticket)
    if (dirty(this.draft)) this.later(rest)
  }

  get ticket(): Ticket {
    return shown(this.draft)
  }

  type<F extends Field>(field: F, value: TicketFields[F]): void {
    this.draft = edit(this.draft, field, value)
    this.ports.keep.set(this.draft.base.id, dirty(this.draft) ? this.draft.edits : null)
    if (this.state !== 'saving') this.state = dirty(this.draft) ? 'typing' : 'clean'
    if (dirty(this.draft)) this.later(rest)
    this.ports.changed()
  }

  // heard takes a newer ticket that came another way.
  heard(ticket: Ticket): void {
    this.draft = rebase(this.draft, ticket)
    if (!dirty(this.draft)) this.ports.keep.set(ticket.id, null)
    this.ports.changed()
  }

  // flush saves at once and answers when nothing is left to save, or saving is refused.
  async flush(): Promise<void> {
    clearTimeout(this.timer)
    while (this.running || (dirty(this.draft) && this.state !== 'refused' && this.state !== 'retrying')) {
      this.running ??= this.save().finally(() => (this.running = null))
      await this.running
    }
  }

  async register(): Promise<Ticket> {
    if (this.state === 'retrying') this.state = 'typing'
    await this.flush()
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

  private later(ms: number): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.retry(), ms)
  }

  private async save(): Promise<void> {
    for (let stale = 0; dirty(this.draft); ) {
      const { base, edits: sent } = this.draft
      this.become('saving', null)
      try {
        const answer = await this.ports.save(base.id, base.version, sent)
        this.draft = saved(this.draft, sent, answer) // this.draft as it is now: typing went on meanwhile
        this.savedAt = this.ports.now()
        stale = this.failures = 0
        this.ports.keep.set(base.id, dirty(this.draft) ? this.draft.edits : null)
      } catch (err) {
        const problem = asProblem(err)
        const moved = problem.code === 'version.stale' || problem.code === 'ticket.not_draft'
        if (moved && stale++ < rebases && (await this.reread(base.id))) continue
        return this.failed(problem)
      }
    }
    this.become('clean', null)
  }

  private async reread(id: string): Promise<boolean> {
    try {
      const newer = await this.ports.read(id)
      this.draft = rebase(this.draft, newer)
      return true
    } catch {
      return false
    }
  }

  private failed(problem: Problem): void {
    const passing = problem.status === 0 || problem.status >= 500 || problem.code === 'version.stale'
    this.become(passing ? 'retrying' : 'refused', problem)
    if (passing) this.later(pauses[Math.min(this.failures++, pauses.length - 1)] ?? rest)
  }

  private become(state: SaveState, problem: Problem | null): void {
    this.state = state
    this.problem = problem
    this.ports.changed()
  }
}
