// The figures of the strip, with their formulas (domain.md 4.2). Pure.
import type { BoardLine, Counts } from '@/api/types'
import { duration, none, seconds, share } from '@/lib/format'
import { urgencyOf, type Urgency } from '@/core/desk/wording'

export const kpiCodes = ['waiting', 'longest', 'answer_rate', 'within_15s', 'abandoned', 'talk_avg', 'offered'] as const
export type KpiCode = (typeof kpiCodes)[number]

export interface Figure {
  code: KpiCode
  text: string
  urgency: Urgency
  formula: Record<string, string | number> // what the explanation fills in
}

// figures of the session, or of the day when none is open; the last is always of the day. Who still hears the notice is not
// yet waiting.
export function figures(lines: BoardLine[], counts: Counts, today: Counts, now: number): Figure[] {
  const waiting = lines.flatMap((l) => l.waiting).flatMap((w) => (w.queued_at === null ? [] : [now - Date.parse(w.queued_at)]))
  const longest = Math.max(...waiting)
  const of = (code: KpiCode, text: string, formula: Figure['formula'] = {}, urgency: Urgency = 'calm'): Figure => ({ code, text, urgency, formula })
  return [
    of('waiting', String(waiting.length)),
    waiting.length === 0
      ? of('longest', none, { max: seconds(counts.wait_s_max) })
      : of('longest', duration(longest), { max: seconds(counts.wait_s_max) }, urgencyOf(longest)),
    of('answer_rate', share(counts.answered, counts.offered), { part: counts.answered, whole: counts.offered }),
    of('within_15s', share(counts.answered_15s, counts.answered), {
      part: counts.answered_15s,
      whole: counts.answered,
      wait: seconds(counts.answered > 0 ? counts.wait_s_avg : null),
    }),
    of('abandoned', String(counts.abandoned), { short: counts.short, flow: counts.flow_out }),
    of('talk_avg', seconds(counts.answered > 0 ? counts.talk_s_avg : null)),
    of('offered', String(today.offered), { answered: today.answered }),
  ]
}
