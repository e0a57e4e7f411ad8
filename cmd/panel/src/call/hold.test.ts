import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, ref, type EffectScope } from 'vue'

import type { CallState } from '@/api/types'

import { useHold, type HoldSwitch } from './hold'

let scope: EffectScope
const state = ref<CallState>('talking')
const send = vi.fn<(on: boolean) => Promise<void>>()
let button: HoldSwitch

beforeEach(() => {
  vi.useFakeTimers()
  state.value = 'talking'
  send.mockReset().mockResolvedValue()
  scope = effectScope()
  button = scope.run(() => useHold(() => ({ state: state.value }), send)) as HoldSwitch
})
afterEach(() => {
  scope.stop()
  vi.useRealTimers()
})
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

describe('保持', () => {
  it('is inert when it has just appeared', async () => {
    await button.press()
    expect(send).not.toHaveBeenCalled()
    await pass(500)
    expect(button.inert.value).toBe(false)
  })

  it('of a double click is one hold, and not a hold taken back', async () => {
    await pass(500)
    void button.press()
    void button.press()
    expect(send.mock.calls).toEqual([[true]])
    await pass(10) // answered; the news comes a moment later
    void button.press()
    state.value = 'held'
    await pass(10)
    void button.press()
    expect(send.mock.calls).toEqual([[true]])
    await pass(500)
    void button.press()
    expect(send.mock.calls).toEqual([[true], [false]])
  })

  it('may be pressed again when the command failed, or no news of it came', async () => {
    await pass(500)
    send.mockRejectedValueOnce(new Error('away'))
    await expect(button.press()).rejects.toThrow('away')
    expect(button.inert.value).toBe(false)
    void button.press()
    await pass(2900)
    expect(button.inert.value).toBe(true)
    await pass(200)
    expect(button.inert.value).toBe(false)
  })

  it.each(['offered', 'reconnecting', 'consulting', 'conference', 'transferring', 'ended'] as const)('is not for a call that is %s', async (s) => {
    state.value = s
    await pass(600)
    await button.press()
    expect(button.able.value).toBe(false)
    expect(send).not.toHaveBeenCalled()
  })
})
