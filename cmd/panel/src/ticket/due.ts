// How near a promise is: red past it, amber on its last day in Beijing (panel.md 8).
export type DueUrgency = 'calm' | 'amber' | 'red'

const day = 86_400_000

export function urgencyOfDue(due: string, now: number): DueUrgency {
  const left = Date.parse(due) - now
  if (left <= 0) return 'red'
  return left <= day ? 'amber' : 'calm' // the due instant is the 24:00 of the last day
}
