// What a list or card that is read shows: there is exactly one answer at any moment.
import type { Problem } from '@/api/problem'

export type Load = 'loading' | 'denied' | 'failed' | 'empty' | 'stale' | 'ready'

// loadOf: what was read stays on the screen while reading it again fails, or the line to the server is lost.
export function loadOf(has: boolean, empty: boolean, trouble: Pick<Problem, 'status'> | null, lost: boolean): Load {
  if (!has) {
    if (!trouble) return 'loading'
    return trouble.status === 403 ? 'denied' : 'failed'
  }
  if (trouble || lost) return 'stale'
  return empty ? 'empty' : 'ready'
}
