// How near a promise is, in days as people count them in Beijing: the due instant is the 24:00 of the last day (panel.md 8).
export type DueUrgency = 'calm' | 'amber' | 'red'

export interface Near {
  urgency: DueUrgency
  days: number // overdue: since, begun ones counted; else until the last day
}

const day = 86_400_000

export function nearOf(due: string, now: number): Near {
  const left = Date.parse(due) - now
  if (left <= 0) return { urgency: 'red', days: Math.floor(-left / day) + 1 }
  const days = Math.ceil(left / day) - 1
  return { urgency: days === 0 ? 'amber' : 'calm', days }
}
