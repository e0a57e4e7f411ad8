// Who is signed in at this browser.
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { asProblem } from '@/api/problem'
import * as api from '@/api/seats'
import type { Me, Place, Role, Seat } from '@/api/types'

export const useIdentity = defineStore('identity', () => {
  const me = ref<Me | null>(null)
  const known = ref(false) // the server has been asked

  // load asks once who is signed in. Throws only when the server cannot be reached.
  async function load(): Promise<void> {
    if (known.value) return
    try {
      me.value = await api.me()
    } catch (err) {
      if (asProblem(err).status !== 401) throw err
      me.value = null
    }
    known.value = true
  }

  async function login(name: string, password: string): Promise<void> {
    me.value = await api.login(name, password)
    known.value = true
  }

  async function logout(): Promise<void> {
    await api.logout()
    forget()
  }

  function forget(): void {
    me.value = null
    known.value = true
  }

  function sit(seat: Seat, place: Place): void {
    if (me.value) me.value.seat = { id: seat.id, place }
  }

  function stand(): void {
    if (me.value) me.value.seat = null
  }

  const plays = (...roles: Role[]): boolean => roles.some((r) => me.value?.roles.includes(r) ?? false)
  const maySit = computed(() => plays('official', 'recorder', 'operator', 'supervisor', 'office', 'unit'))
  const mayWatch = computed(() => plays('supervisor', 'operator', 'office'))
  const mayCallBack = computed(() => plays('supervisor', 'operator'))

  const maySettle = computed(() => plays('supervisor', 'office', 'system_admin', 'audit_admin'))

  // The page of the calls at one's seat. Who sits there for the room or to supervise has none.
  const deskPath = computed(() => {
    const seat = me.value?.seat
    if (!seat || seat.place === 'room' || seat.place === 'supervisor') return null
    return seat.place === 'official' ? `/seat/${seat.id}` : `/record/${seat.id}`
  })

  const home = computed(() => {
    if (deskPath.value) return deskPath.value
    if (plays('official', 'recorder', 'operator')) return '/seats'
    if (plays('system_admin', 'audit_admin')) return '/settings'
    return mayWatch.value ? '/board' : '/tickets'
  })

  return { me, known, load, login, logout, forget, sit, stand, plays, maySit, mayWatch, mayCallBack, maySettle, deskPath, home }
})
