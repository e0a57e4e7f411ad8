// The telephone of the official's seat: microphone, test, registration, line. It lives as long as the person sits there.
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'

import { asProblem } from '@/api/problem'
import * as api from '@/api/seats'

import { Guard, type Channel } from './guard'
import { deaf, hear, mends, silent as isSilent } from './media'
import { faultOf, heardLevel, meter, MicrophoneError, openMicrophone, type MicrophoneFault } from './microphone'
import type { Line, Registration, Softphone } from './softphone'

const page = crypto.randomUUID()

export type MicrophoneStep = 'untried' | 'asking' | 'speak' | 'ok' | 'fault'
export type Holder = 'here' | 'other_tab' | 'released'

const tested = (seat: string): string => `hotline.tested.${seat}`

export const usePhone = defineStore('phone', () => {
  const microphone = ref<MicrophoneStep>('untried')
  const fault = ref<MicrophoneFault | null>(null)
  const level = ref(0)
  const registration = ref<Registration>('off')
  const line = ref<Line>('none')
  const muted = ref(false) // the microphone of this page
  const told = ref<boolean | null>(null) // what the call says of it; null: not known
  const holder = ref<Holder>('here')

  const silent = ref(false) // the call says that people talk here, and nothing has come for a while

  let seat = ''
  let stream: MediaStream | null = null
  let stopMeter: (() => void) | null = null
  let guard: Guard | null = null
  // A telephone is a new client each time it is built: the controller takes that for word that what the one before it carried is lost,
  // and asks again (A11), also when its own end of that has not noticed.
  let client = ''
  let ours = false // the log has told our own client id
  const softphone = shallowRef<Softphone | null>(null)

  const ready = computed(() => microphone.value === 'ok' && registration.value === 'registered' && holder.value === 'here')

  // wasTested: this tab has passed the test at this seat; a reload goes straight back to work.
  const wasTested = (id: string): boolean => sessionStorage.getItem(tested(id)) === 'yes'

  async function begin(id: string): Promise<void> {
    if (seat === id && microphone.value !== 'untried') return
    leave()
    seat = id
    const mine = (guard = new Guard(new BroadcastChannel('hotline.softphone') as Channel, id, page, released))
    holder.value = 'here'
    microphone.value = 'asking'
    const free = await mine.enter()
    if (guard !== mine) return // left meanwhile, or begun anew
    if (!free) {
      holder.value = 'other_tab'
      microphone.value = 'untried'
      return
    }
    await open()
  }

  async function takeOver(): Promise<void> {
    guard?.takeOver()
    holder.value = 'here'
    await open()
  }

  function released(): void {
    holder.value = 'released'
    hangUpDevices()
  }

  // moved: the log says which page has the softphone of this seat. Until it has told our own, it tells the past.
  function moved(to: string): void {
    if (to === client) ours = true
    else if (ours && holder.value === 'here') released()
  }

  async function open(): Promise<void> {
    const id = seat
    const mine = guard
    microphone.value = 'asking'
    fault.value = null
    let opened: MediaStream
    try {
      opened = await openMicrophone()
    } catch (err) {
      if (guard === mine) failed(err instanceof MicrophoneError ? err.fault : faultOf(err))
      return
    }
    if (guard !== mine) return opened.getTracks().forEach((t) => t.stop())
    stream = opened
    stream.getAudioTracks()[0]?.addEventListener('ended', () => failed('unplugged'))
    if (wasTested(id)) pass()
    else listen(stream)
    await connect(id, stream)
  }

  function listen(to: MediaStream): void {
    microphone.value = 'speak'
    let loud = 0
    stopMeter = meter(to, (v) => {
      level.value = v
      if (v >= heardLevel) loud++
      if (loud >= 4) pass() // a quarter second of it: not a click
    })
  }

  function pass(): void {
    stopMeter?.()
    stopMeter = null
    microphone.value = 'ok'
    sessionStorage.setItem(tested(seat), 'yes')
    report('ok')
  }

  function failed(why: MicrophoneFault): void {
    stopMeter?.()
    stopMeter = null
    microphone.value = 'fault'
    fault.value = why
    sessionStorage.removeItem(tested(seat))
    if (softphone.value) report('media_failed')
  }

  function report(state: 'ok' | 'media_failed'): void {
    if (seat !== '' && registration.value === 'registered') void tell(seat, state).catch(() => undefined)
  }

  // tell reports the sound; the answer also says whether this page still has the telephone.
  async function tell(id: string, state: 'ok' | 'media_failed'): Promise<void> {
    try {
      await api.device(id, client, state)
    } catch (err) {
      if (asProblem(err).code === 'client.replaced' && holder.value === 'here') released()
      throw err
    }
  }

  async function connect(id: string, microphoneStream: MediaStream): Promise<void> {
    const { Softphone } = await import('./softphone')
    if (stream !== microphoneStream) return
    let had = false
    const phone = new Softphone(microphoneStream, {
      account: async (anew) => {
        // A second account would take the telephone back from a page that has it rightly.
        if (had) await tell(id, microphone.value === 'fault' ? 'media_failed' : 'ok')
        if (anew || !had) {
          client = crypto.randomUUID()
          ours = had = false
        }
        const account = await api.phone(id, client)
        had = true
        return account
      },
      registration: (r) => {
        registration.value = r
        if (r === 'registered' && microphone.value === 'ok') report('ok')
      },
      line: (l) => {
        line.value = l
        if (l === 'talking' && microphone.value === 'speak') pass() // who is in a conversation needs no test
      },
      muted: (m) => (muted.value = m),
      told: () => told.value,
    })
    softphone.value = phone
    await phone.start().catch(() => undefined) // it tries again by itself; the page shows “not connected”
  }

  // retest takes the microphone anew: another headset, or a permission given meanwhile.
  async function retest(): Promise<void> {
    sessionStorage.removeItem(tested(seat))
    hangUpDevices()
    await open()
  }

  function hangUpDevices(): void {
    stopMeter?.()
    stopMeter = null
    softphone.value?.stop()
    softphone.value = null
    stream?.getTracks().forEach((t) => t.stop())
    stream = null
    line.value = 'none'
    muted.value = false
    registration.value = 'off'
  }

  function leave(): void {
    hangUpDevices()
    guard?.leave()
    guard = null
    seat = ''
    microphone.value = 'untried'
    level.value = 0
  }

  // expect: the call says that both are in conversation at this page; what comes is looked at once a second (RU2).
  let hearing = deaf
  let watching: ReturnType<typeof setInterval> | undefined
  function expect(on: boolean): void {
    clearInterval(watching)
    hearing = { ...deaf, mendedAt: hearing.mendedAt }
    silent.value = false
    if (on) watching = setInterval(() => void listenIn(), 1000)
  }

  async function listenIn(): Promise<void> {
    const phone = softphone.value
    if (!phone || microphone.value !== 'ok') return
    const got = await phone.media()
    if (softphone.value !== phone) return
    const sample = { at: performance.now(), received: got?.received ?? null, alive: got?.alive ?? false }
    hearing = hear(hearing, sample, holder.value === 'here')
    silent.value = isSilent(hearing, sample.at)
    if (!mends(hearing, sample)) return
    hearing = { ...hearing, mendedAt: sample.at }
    await phone.mend()
  }

  // renew builds the telephone anew for whoever has logged in again; a conversation that is heard goes on as it is.
  async function renew(id: string): Promise<void> {
    if (seat === id && line.value === 'talking') return
    leave()
    await begin(id)
  }

  const answer = (): void => softphone.value?.answer()
  const mute = (on: boolean): void => softphone.value?.mute(on)

  const over = (): void => softphone.value?.over()

  // tellMuted: the call says whether the person here is heard. It may say so before there is a telephone, which asks then.
  function tellMuted(m: boolean | null): void {
    told.value = m
    if (m !== null) mute(m)
  }

  return {
    microphone, fault, level, registration, line, muted, silent, holder, ready,
    wasTested, begin, renew, expect, takeOver, moved, retest, leave, answer, mute, over, tellMuted,
  }
})
