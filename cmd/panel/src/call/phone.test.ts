// @vitest-environment jsdom
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import * as api from '@/api/seats'

import { openMicrophone } from './microphone'
import { usePhone } from './phone'
import type { SoftphonePorts } from './softphone'

vi.mock('@/api/seats', () => ({ phone: vi.fn(async () => ({})), device: vi.fn(async () => undefined) }))
vi.mock('./microphone', () => ({ openMicrophone: vi.fn(), meter: () => () => undefined, heardLevel: 1, faultOf: () => 'denied', MicrophoneError: class extends Error {} }))

const built: { ports: SoftphonePorts; stopped: boolean }[] = []
vi.mock('./softphone', () => ({
  Softphone: class {
    stopped = false
    constructor(_: MediaStream, readonly ports: SoftphonePorts) {
      built.push(this)
    }
    async start(): Promise<void> {
      await this.ports.account(false)
    }
    stop(): void {
      this.stopped = true
    }
  },
}))

const opened: { stop: ReturnType<typeof vi.fn> }[] = []
const clients = (): string[] => vi.mocked(api.phone).mock.calls.map(([, client]) => client)

beforeEach(() => {
  setActivePinia(createPinia())
  built.length = opened.length = 0
  vi.mocked(api.phone).mockClear()
  vi.mocked(openMicrophone).mockReset().mockImplementation(async () => {
    const track = { stop: vi.fn(), addEventListener: () => undefined, enabled: true }
    opened.push(track)
    return { getTracks: () => [track], getAudioTracks: () => [track] } as unknown as MediaStream
  })
})

describe('the telephone of a seat', () => {
  it('is one, however often it is built anew at once', async () => {
    const phone = usePhone()
    await Promise.all([phone.renew('A01'), phone.renew('A01'), phone.begin('A01')])
    expect(built.filter((b) => !b.stopped)).toHaveLength(1)
    expect(opened.filter((o) => o.stop.mock.calls.length === 0)).toHaveLength(1)
  })

  it('shuts a microphone that opens after everybody has left', async () => {
    const phone = usePhone()
    let open: (s: MediaStream) => void = () => undefined
    const track = { stop: vi.fn() }
    vi.mocked(openMicrophone).mockImplementationOnce(() => new Promise((done) => (open = done)))
    const begun = phone.begin('A01')
    await vi.waitFor(() => expect(openMicrophone).toHaveBeenCalled())
    phone.leave()
    open({ getTracks: () => [track] } as unknown as MediaStream)
    await begun
    expect(track.stop).toHaveBeenCalledOnce()
    expect(built).toHaveLength(0)
  })

  it('is another client each time it is built, so that the controller asks again (RU2)', async () => {
    const phone = usePhone()
    await phone.begin('A01')
    await built[0]?.ports.account(false) // registers again: the same telephone
    expect(new Set(clients()).size).toBe(1)
    await built[0]?.ports.account(true) // mended
    await phone.renew('A01')
    expect(new Set(clients()).size).toBe(3)
    phone.moved(clients()[0] ?? '')
    expect(phone.holder).toBe('here') // the log tells the past until it has told our own
    phone.moved(clients().at(-1) ?? '')
    phone.moved('somebody else')
    expect(phone.holder).toBe('released')
  })
})
