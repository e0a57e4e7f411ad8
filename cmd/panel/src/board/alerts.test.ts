import { expect, it, vi } from 'vitest'

import type { Fact } from '@/lib/socket'

import { Unanswered } from './alerts'

const fact = (data: Record<string, unknown>, kind = 'seat.unanswered'): Fact => ({
  type: 'fact', position: '1-1', kind, subject: 'c1', topics: ['board'], at: '', actor: 'controller', data,
})

function screen() {
  const open: { seat: string; misses: number; close: () => void }[] = []
  const alerts = new Unanswered((seat, misses, closed) => {
    const notice = {
      seat,
      misses,
      close: () => {
        open.splice(open.indexOf(notice), 1)
        closed()
      },
    }
    open.push(notice)
    return notice
  })
  return { alerts, open, says: () => open.map((n) => `${n.seat} ${n.misses}`) }
}

it('shows one notice per seat, with the latest count, until a person closes it', () => {
  const s = screen()
  s.alerts.heard(fact({ seat: 'A01', misses: 3 }))
  s.alerts.heard(fact({ seat: 'B02', misses: 3 }))
  s.alerts.heard(fact({ seat: 'A01', misses: 4 }))
  expect(s.says()).toEqual(['B02 3', 'A01 4'])
  s.open[1]?.close()
  expect(s.says()).toEqual(['B02 3'])
  s.alerts.heard(fact({ seat: 'A01', misses: 5 }))
  expect(s.says()).toEqual(['B02 3', 'A01 5'])
  s.alerts.clear()
  expect(s.says()).toEqual([])
})

it('is for that fact alone, and for one that can be read', () => {
  const show = vi.fn()
  const alerts = new Unanswered(show)
  for (const f of [fact({ seat: 'A01', misses: 3 }, 'seat.work'), fact({ misses: 3 }), fact({ seat: 'A01' })]) alerts.heard(f)
  expect(show).not.toHaveBeenCalled()
})
