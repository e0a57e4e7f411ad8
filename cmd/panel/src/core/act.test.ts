import { describe, expect, it, vi } from 'vitest'
import { effectScope } from 'vue'

import { Problem } from '@/api/problem'

import { useAct, type Act, type How } from './act'

const said = vi.hoisted(() => [] as string[])
vi.mock('@/lib/say', () => ({ say: (text: string) => said.push(text) }))
vi.mock('@/lib/i18n', () => ({ useText: () => ({ problem: (p: Problem) => p.code }) }))

const made = <A extends unknown[]>(act: (...args: A) => Promise<unknown>, how?: How<A>): Act<A> => effectScope().run(() => useAct(act, how)) as Act<A>

describe('an act', () => {
  it('is one, however often it is pressed while it is on its way', async () => {
    let done = (): void => undefined
    const act = vi.fn<(what: string) => Promise<void>>(() => new Promise((ok) => (done = ok)))
    const a = made(act)
    const first = a.run('x')
    expect([a.pending.value, a.doing.value]).toEqual([true, ['x']])
    expect(await a.run('y')).toBe(false)
    done()
    expect(await first).toBe(true)
    expect([a.pending.value, act.mock.calls]).toEqual([false, [['x']]])
  })

  it('shows its refusal beside itself, and mends it by doing the same once more', async () => {
    const act = vi.fn<(n: number) => Promise<void>>(() => Promise.resolve())
    act.mockRejectedValueOnce(new Problem(503, 'unavailable'))
    const a = made(act, { beside: true })
    expect(await a.run(7)).toBe(false)
    expect([a.refusal.value?.code, a.mendable.value, said]).toEqual(['unavailable', true, []])
    expect(await a.again()).toBe(true)
    expect([a.refusal.value, act.mock.calls]).toEqual([null, [[7], [7]]])
  })

  it('says at the top of the page what has no place beside it, and nothing of what was wanted anyway', async () => {
    const a = made(() => Promise.reject(new Problem(409, 'seat.taken')))
    await a.run()
    expect([said, a.mendable.value]).toEqual([['seat.taken'], false])
    const b = made(() => Promise.reject(new Problem(404, 'not_found')), { expected: (p) => p.status === 404 })
    expect([await b.run(), b.refusal.value, said.length]).toEqual([true, null, 1])
  })

  it('can be taken back for a while, where there is a way back', async () => {
    vi.useFakeTimers()
    let intent = 'ready'
    const a = made(async (to: string) => void (intent = to), { undo: () => ((was) => async () => void (intent = was))(intent) })
    await a.run('rest')
    expect([intent, a.undoable.value]).toEqual(['rest', true])
    await a.undo()
    expect([intent, a.undoable.value]).toEqual(['ready', false])
    await a.run('busy')
    vi.advanceTimersByTime(8000)
    expect([await a.undo(), intent]).toEqual([false, 'busy'])
    vi.useRealTimers()
  })
})
