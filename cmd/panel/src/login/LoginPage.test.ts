import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { createPinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'

import { Problem } from '@/api/problem'
import * as api from '@/api/seats'
import type { Me } from '@/api/types'
import { i18n } from '@/lib/i18n'

import LoginPage from './LoginPage.vue'

vi.mock('@/api/seats')

let page: VueWrapper
let router: Router
async function open(path = '/login'): Promise<void> {
  router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:rest(.*)*', component: { template: '' } }] })
  await router.push(path)
  page = mount(LoginPage, { attachTo: document.body, global: { plugins: [createPinia(), i18n, router] } })
}
const at = (id: string) => page.get(`[data-testid=login-${id}]`)
async function enter(name: string, password: string): Promise<void> {
  await at('name').setValue(name)
  await at('password').setValue(password)
  await page.get('form').trigger('submit')
  await flushPromises()
}

beforeEach(() => {
  vi.mocked(api.login).mockReset()
})
afterEach(() => page.unmount())

it('begins in the name, and goes back to where the person was', async () => {
  await open('/login?back=/tickets/7')
  expect(document.activeElement).toBe(at('name').element)
  vi.mocked(api.login).mockResolvedValue({ person: { id: 'p', name: '李处长' }, roles: ['official'], seat: null } as unknown as Me)
  await enter(' Li.Na ', 'secret')
  expect(vi.mocked(api.login).mock.calls).toEqual([['li.na', 'secret']])
  expect(router.currentRoute.value.fullPath).toBe('/tickets/7')
})

it.each(['//evil.example', 'https://evil.example'])('does not follow %s', async (back) => {
  await open(`/login?back=${encodeURIComponent(back)}`)
  vi.mocked(api.login).mockResolvedValue({ person: { id: 'p', name: '李处长' }, roles: ['official'], seat: null } as unknown as Me)
  await enter('li.na', 'secret')
  expect(router.currentRoute.value.fullPath).toBe('/seats')
})

it('keeps the name, empties and hides the password and says why when it is refused', async () => {
  await open()
  vi.mocked(api.login).mockRejectedValue(new Problem(403, 'login.wrong'))
  await at('password').setValue('wrong')
  await page.get('.show').trigger('click')
  expect([at('password').attributes('type'), page.get('.show').text()]).toEqual(['text', '隐藏密码'])
  await enter('li.na', 'wrong')
  expect(at('refusal').text()).toMatch(/^用户名或密码不对/)
  expect(document.activeElement).toBe(at('password').element)
  expect((at('name').element as HTMLInputElement).value).toBe('li.na')
  expect([(at('password').element as HTMLInputElement).value, at('password').attributes('type')]).toEqual(['', 'password'])
})

it('says what is missing and asks the server nothing', async () => {
  await open()
  await enter(' ', '')
  expect(page.findAll('.under').map((p) => p.text())).toEqual(['请输入用户名', '请输入密码'])
  expect(at('name').attributes('aria-invalid')).toBe('true')
  expect(vi.mocked(api.login)).not.toHaveBeenCalled()
})

it('sends one request for two presses', async () => {
  await open()
  vi.mocked(api.login).mockReturnValue(new Promise(() => undefined))
  await enter('li.na', 'secret')
  await page.get('form').trigger('submit')
  expect(vi.mocked(api.login)).toHaveBeenCalledTimes(1)
  expect(at('submit').text()).toBe('正在登录…')
})
