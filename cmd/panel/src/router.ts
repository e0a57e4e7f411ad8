import { createRouter, createWebHistory, type RouteLocationNormalized, type RouteRecordRaw } from 'vue-router'

import type { Role } from '@/api/types'
import { withTexts } from '@/lib/i18n'
import { useIdentity } from '@/login/identity'

declare module 'vue-router' {
  interface RouteMeta {
    open?: boolean // without login
    roles?: Role[] // one of them is needed; absent: anybody signed in
  }
}

const settled: Role[] = ['supervisor', 'office', 'system_admin', 'audit_admin']
const seated: Role[] = ['official', 'recorder', 'operator', 'supervisor']

const routes: RouteRecordRaw[] = [
  { path: '/login', component: withTexts(() => import('./login/LoginPage.vue'), 'login'), meta: { open: true } },
  {
    path: '/',
    component: withTexts(() => import('./shell/ShellFrame.vue'), 'shell', 'call'),
    children: [
      { path: '', redirect: () => useIdentity().home },
      { path: 'seats', component: withTexts(() => import('./seat/SeatsPage.vue'), 'seat'), meta: { roles: [...seated, 'office', 'unit'] } },
      { path: 'seat/:id', component: withTexts(() => import('./pages/SeatPage.vue'), 'seat', 'ticket'), props: true, meta: { roles: seated } },
      { path: 'record/:id', component: withTexts(() => import('./pages/RecorderPage.vue'), 'ticket'), props: true, meta: { roles: seated } },
      { path: 'tickets/:id?', component: withTexts(() => import('./ticket/TicketsPage.vue'), 'ticket', 'list'), props: true },
      { path: 'board', component: withTexts(() => import('./board/BoardPage.vue'), 'board'), meta: { roles: ['supervisor', 'operator', 'office'] } },
      { path: 'settings', component: withTexts(() => import('./admin/SettingsPage.vue'), 'settings'), meta: { roles: settled } },
      { path: 'denied', component: withTexts(() => import('./shell/DeniedPage.vue'), 'shell'), props: { what: 'denied' } },
      { path: ':rest(.*)*', component: withTexts(() => import('./shell/DeniedPage.vue'), 'shell'), props: { what: 'missing' } },
    ],
  },
]

export const router = createRouter({ history: createWebHistory(), routes })

// What a page is made of comes while the server is asked who is here: whoever reloads deep inside is mostly signed in.
function fetchEarly(to: RouteLocationNormalized): void {
  for (const { components } of to.matched) {
    const load = components?.default as (() => Promise<unknown>) | undefined
    load?.().catch(() => undefined) // the router asks again, and tells
  }
}

router.beforeEach(async (to) => {
  const identity = useIdentity()
  if (!identity.known && !to.meta.open && !to.redirectedFrom) fetchEarly(to)
  try {
    await identity.load()
  } catch {
    if (!to.meta.open) return { path: '/login', query: { back: to.fullPath, why: 'unreachable' } }
  }
  if (to.meta.open) return identity.me ? identity.home : true
  // The root was sent on before it was known who is here.
  const fromRoot = to.redirectedFrom?.path === '/'
  if (!identity.me) return { path: '/login', query: fromRoot ? {} : { back: to.fullPath } }
  if (fromRoot && to.path !== identity.home) return identity.home
  if (to.meta.roles && !identity.plays(...to.meta.roles)) return '/denied'
  return true
})

// A page of an older build names files that are gone after an update: the new page is fetched once.
router.onError((err: unknown, to) => {
  const gone = err instanceof Error && /dynamically imported module|Importing a module/.test(err.message)
  if (gone && sessionStorage.getItem('hotline.renewed') !== to.fullPath) {
    sessionStorage.setItem('hotline.renewed', to.fullPath)
    location.assign(to.fullPath)
  }
})
