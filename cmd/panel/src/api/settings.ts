import { ask, http } from './client'
import type { Setting, SettingChange } from './types'

export const settings = async (): Promise<Setting[]> => (await ask<{ settings: Setting[] }>(http.GET('/api/v1/settings'))).settings

export const history = async (key: string, scope: string): Promise<SettingChange[]> =>
  (await ask<{ versions: SettingChange[] }>(http.GET('/api/v1/settings/{key}/history', { params: { path: { key }, query: { scope } } }))).versions

export interface Proposal {
  scope: string
  value: string
  effective_from?: string
  seen: number
  reason: string
}

export const propose = (key: string, body: Proposal): Promise<undefined> =>
  ask(http.POST('/api/v1/settings/{key}/propose', { params: { path: { key } }, body }))

export const answer = (key: string, scope: string, version: number, agree: boolean, reason: string): Promise<undefined> =>
  ask(http.POST('/api/v1/settings/{key}/answer', { params: { path: { key } }, body: { scope, version, agree, reason } }))

export const withdraw = (key: string, scope: string, version: number, reason: string): Promise<undefined> =>
  ask(http.POST('/api/v1/settings/{key}/withdraw', { params: { path: { key } }, body: { scope, version, reason } }))
