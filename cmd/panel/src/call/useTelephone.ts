// Keeps the telephone of the official's seat alive on whatever page: it comes back after a reload before anything else,
// since a conversation may be waiting for it; it rings; and it brings the person to the call.
import { onScopeDispose, watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'

import { useDesk } from '@/core/desk/desk'
import { atCall, serves, sitterAt } from '@/core/desk/wording'
import { idle } from '@/core/keys'
import { useText } from '@/lib/i18n'
import { useIdentity } from '@/login/identity'

import { usePhone } from './phone'
import { Ringer } from './ringer'

export function useTelephone(): void {
  const { t } = useText()
  const identity = useIdentity()
  const desk = useDesk()
  const phone = usePhone()
  const route = useRoute()
  const router = useRouter()

  let renewed = false // once for each login: later the same seat may only have been told anew, while its telephone rings
  watch(
    () => identity.me?.seat,
    async (seat) => {
      if (!seat || !identity.deskPath) return
      const official = seat.place === 'official'
      if (official && phone.wasTested(seat.id)) void (renewed ? phone.begin(seat.id) : phone.renew(seat.id)) // after a login the old account may be dead (RU2)
      renewed = true
      await desk.enter(seat.id, seat.place).catch(() => undefined) // the seat's page tells, and offers another try
      // A browser that crashed comes back to its call by itself; from a telephone that is alive elsewhere it is only taken when asked.
      if (official && atCall(desk.word) && desk.seat?.device !== 'ok') void phone.begin(seat.id)
    },
    { immediate: true },
  )

  watch(
    () => desk.phoneMovedTo,
    (to) => to !== null && phone.moved(to),
  )

  // A conversation that the page does not hear is told, and mended (RU2).
  watch(
    () => desk.place === 'official' && desk.word === 'talking',
    (talks) => phone.expect(talks),
    { immediate: true },
  )
  onScopeDispose(() => phone.expect(false))

  // At once, not with the next picture: a conversation may be on its way back to this page, and must find it said (RU3).
  watch(
    () => (desk.place === 'official' ? (desk.card?.muted ?? null) : null),
    (m) => phone.tellMuted(m),
    { immediate: true, flush: 'sync' },
  )

  // A telephone that has not heard of its call's end would refuse the next one as busy. Only at the change: what is answered
  // comes to the picture a moment later.
  watch(
    () => desk.place === 'official' && desk.seat !== null && desk.word !== 'ringing' && !serves(desk.word),
    (free) => free && phone.over(),
  )

  // A sign-out that was waiting for the call, or a supervisor's, ends the sitting here as well.
  watch(
    () => desk.seat,
    (seat) => {
      if (!seat) return
      if (sitterAt(seat, desk.place)?.id === identity.me?.person.id) return
      phone.leave()
      desk.leave()
      identity.stand()
      void router.push('/seats')
    },
  )

  // To the call, but not in the middle of a word: what is typed there is saved, and the header tells already (RU1).
  let going: ReturnType<typeof setInterval> | undefined
  function go(): void {
    const there = (): boolean => route.path.startsWith('/seat/')
    const step = (): void => {
      if (!there() && !idle()) return
      clearInterval(going)
      if (!there()) void router.push(identity.home)
    }
    going = setInterval(step, 200)
    step()
  }

  const ringer = new Ringer(() => t('app.name'))
  watch(
    () => {
      const rings = desk.place === 'official' && desk.word === 'ringing' && (phone.line === 'none' || phone.line === 'ringing')
      return rings ? t('call.ringTitle', { masked: desk.card?.masked || t('common.anonymous') }) : ''
    },
    (notice) => {
      ringer.ring(notice)
      clearInterval(going)
      if (notice !== '') go()
    },
    { immediate: true },
  )
  onScopeDispose(() => {
    ringer.stop()
    clearInterval(going)
  })
}
