// The board one fact later. Pure; a fact that repeats what is known changes nothing.
import type { Board, WaitingCall } from '@/api/types'
import type { Fact } from '@/lib/socket'

const leaves = new Set(['call.connecting', 'call.talking', 'call.ended'])

export function moved(b: Board, f: Fact): Board {
  if (leaves.has(f.kind)) return waitingOf(b, (w) => w.filter((c) => c.call !== f.subject))
  if (f.kind === 'call.offered') return stateOf(b, f.subject, 'offered')
  if (f.kind === 'call.requeued') return stateOf(b, f.subject, 'queued')
  return b
}

function stateOf(b: Board, call: string, state: WaitingCall['state']): Board {
  return waitingOf(b, (w) => w.map((c) => (c.call === call ? { ...c, state } : c)))
}

function waitingOf(b: Board, change: (w: WaitingCall[]) => WaitingCall[]): Board {
  return { ...b, lines: b.lines.map((l) => ({ ...l, waiting: change(l.waiting) })) }
}
