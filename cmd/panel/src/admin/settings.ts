// What settings say and how a change of one differs: pure, for page, dialog and history alike.
import type { Setting, SettingChange } from '@/api/types'

// The sections of the page: one for each line, then what there is one of for all, then the years.
export interface Section {
  group: 'line' | 'promise' | 'calendar'
  name: string // of the line
  settings: Setting[]
}

export function sections(all: Setting[]): Section[] {
  const found: Section[] = []
  for (const s of all) {
    const group = s.key.split('.')[0] as Section['group']
    const name = group === 'line' ? s.scope_name : ''
    const at = found.find((x) => x.group === group && x.name === name)
    if (at) at.settings.push(s)
    else found.push({ group, name, settings: [s] })
  }
  return found
}

export type Say = (key: string, slots?: Record<string, unknown>) => string

// shown is a value with its unit, as people say it.
export function shown(t: Say, s: Pick<Setting, 'kind' | 'unit' | 'key'>, value: string): string {
  switch (s.kind) {
    case 'number':
      return t(`settings.unit.${s.unit}`, { n: value })
    case 'choice':
      return t(`settings.choice.${value === '' ? 'none' : value.replace('hotline/', '').replaceAll('-', '_')}`)
    case 'days': {
      const days = lines(value)
      const work = days.filter((d) => d.includes('班')).length
      return days.length === 0 ? t('settings.noPaper') : t('settings.paper', { off: days.length - work, work })
    }
  }
}

// lines of a year's paper as people read and type them: 2027-01-01 休 元旦.
export function lines(paper: string): string[] {
  return paper
    .split('\n')
    .map((l) => l.trim().replace(/\s+/g, ' ').replace(' off ', ' 休 ').replace(' work ', ' 班 '))
    .filter((l) => l !== '' && !l.startsWith('#'))
}

export interface Diff {
  gone: string[]
  come: string[]
}

// diff of two papers by their lines.
export function diff(before: string, after: string): Diff {
  const was = lines(before)
  const is = lines(after)
  return { gone: was.filter((l) => !is.includes(l)), come: is.filter((l) => !was.includes(l)) }
}

// Fault is what keeps a value from being sent: the key of its words, and of a paper which line and day.
export interface Fault {
  what: 'number' | 'paper' | 'same' | 'fields' | 'date' | 'year' | 'kind' | 'twice'
  line?: number
  day?: string
}

// wrong finds the first fault; the server checks again. A value of later may be the one of now, when another one is planned in between.
export function wrong(s: Setting, value: string, later = false): Fault | null {
  if (s.kind === 'number' && (!/^\d{1,5}$/.test(value.trim()) || Number(value) < s.min || Number(value) > s.max)) return { what: 'number' }
  const fault = s.kind === 'days' ? wrongLine(Number(s.scope), value) : null
  if (fault) return fault
  const same = s.kind === 'days' ? lines(value).join() === lines(s.value).join() : value.trim() === s.value
  return same && !later ? { what: 'same' } : null
}

function wrongLine(year: number, paper: string): Fault | null {
  const seen = new Set<string>()
  for (const [i, text] of paper.split('\n').entries()) {
    const [day = '', kind = '', ...rest] = text.trim().split(/\s+/)
    if (day === '' || day.startsWith('#')) continue
    const fault = (what: Fault['what']): Fault => ({ what, line: i + 1, day })
    if (rest.length !== 1) return fault('fields')
    if (!isDay(day)) return fault('date')
    if (!day.startsWith(`${year}-`) && !day.startsWith(`${year - 1}-12-`)) return fault('year')
    if (!['休', '班', 'off', 'work'].includes(kind)) return fault('kind')
    if (seen.has(day)) return fault('twice')
    seen.add(day)
  }
  return seen.size === 0 ? { what: 'paper' } : null
}

const isDay = (s: string): boolean => /^\d{4}-\d\d-\d\d$/.test(s) && !Number.isNaN(Date.parse(s)) && new Date(s).toISOString().startsWith(s)

// instantOf is the moment that was typed as Beijing's wall clock, 2026-12-01T08:30; null: none, or one that has passed.
export function instantOf(typed: string, now: number): string | null {
  const at = Date.parse(`${typed}:00+08:00`)
  return Number.isNaN(at) || at <= now ? null : new Date(at).toISOString()
}

// by is who has done it; the installation has no name.
export const by = (t: Say, who: SettingChange['author'] | undefined): string => (who === undefined || who.id === '' ? t('settings.system') : who.name || who.id)

// named is a setting with its line or its year.
export function named(t: Say, s: Pick<Setting, 'key' | 'scope_name'>): string {
  const name = t(`settings.key.${s.key}.name`)
  return s.scope_name === '' ? name : t('settings.named', { name, scope: s.scope_name })
}

// ended says who took a change back before it counted, and why, where somebody else did.
export function ended(t: Say, v: SettingChange, at: (when: string) => string): string {
  const slots = { who: by(t, v.withdrawer), when: at(v.withdrawn_at ?? ''), reason: v.withdrawn_why }
  return t(v.withdrawn_why ? 'settings.refusedBy' : 'settings.withdrawnBy', slots)
}
