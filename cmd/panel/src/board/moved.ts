// The board one fact later. Pure; a fact that repeats what is known changes nothing.
import type { Board, WaitingCall } from '@/api/types'
import type { Fact } from '@/lib/socket'

const leaves = new Set(['call.talking', 'call.ended'])

export function moved(b: Board, f: Fact): Board {
  if (leaves.has(f.kind)) return waitingOf(b, (w) => w.filter((c) => c.call !== f.subject))
  if (f.kind === 'call.offered') return stateOf(b, f.subject, 'offered')
  if (f.kind === 'call.requeued') return stateOf(b, f.subject, 'queued')
  if (f.kind === 'call.moved') return lineOf(b, f.subject, String(f.data.line ?? ''))
  if (f.kind === 'seat.unanswered') return { ...b, seats: b.seats.map((s) => (s.id === f.data.seat ? { ...s, misses: Number(f.data.misses) } : s)) }
  return b
}

// lineOf puts a waiting call into another line. It keeps its order of arrival there, as the server's next snapshot will show.
function lineOf(b: Board, call: string, line: string): Board {
  const moving = b.lines.flatMap((l) => l.waiting).find((w) => w.call === call)
  if (!moving || !b.lines.some((l) => l.id === line)) return b
  const without = waitingOf(b, (w) => w.filter((c) => c.call !== call))
  const at = (w: WaitingCall): number => (w.queued_at === null ? Infinity : Date.parse(w.queued_at))
  const into = (w: WaitingCall[]): WaitingCall[] => [...w, moving].sort((x, y) => (at(x) < at(y) ? -1 : at(x) > at(y) ? 1 : 0))
  return { ...without, lines: without.lines.map((l) => (l.id === line ? { ...l, waiting: into(l.waiting) } : l)) }
}

function stateOf(b: Board, call: string, state: WaitingCall['state']): Board {
  return waitingOf(b, (w) => w.map((c) => (c.call === call ? { ...c, state } : c)))
}

function waitingOf(b: Board, change: (w: WaitingCall[]) => WaitingCall[]): Board {
  return { ...b, lines: b.lines.map((l) => ({ ...l, waiting: change(l.waiting) })) }
}
