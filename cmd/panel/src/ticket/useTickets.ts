// The list of tickets: read page by page, and moved by news, but never under somebody's pointer (RU14): what has changed is fetched
// and announced, and put in when they ask for it or have gone away.
import { computed, ref, shallowRef, watch, type Ref } from 'vue'

import { asProblem, type Problem } from '@/api/problem'
import * as api from '@/api/tickets'
import type { TicketLine } from '@/api/types'
import { coalesced } from '@/lib/coalesce'

import { changes, narrowed, type Filters } from './list'

const pageSize = 30
const mostAtOnce = 200 // of the server's pages

export function useTickets(filters: Ref<Filters>, held: Ref<boolean>) {
  const list = shallowRef<TicketLine[] | null>(null)
  const cursor = ref('')
  const count = ref(0)
  const trouble = shallowRef<Problem | null>(null)
  const news = shallowRef<api.TicketPage | null>(null) // what there is now, until it is put in
  const reading = ref(false) // another page
  let asked = 0

  function show(page: api.TicketPage): void {
    news.value = null
    list.value = page.tickets
    cursor.value = page.next_cursor
    count.value = page.count
  }

  // ask gets as much as is shown, and says nothing when something else has been asked for meanwhile.
  async function ask(limit: number, from = ''): Promise<api.TicketPage | null> {
    const mine = ++asked
    try {
      const page = await api.tickets({ limit, ...narrowed(filters.value), ...(from && { cursor: from }) })
      if (mine !== asked) return null
      trouble.value = null
      return page
    } catch (err) {
      if (mine === asked) trouble.value = asProblem(err)
      return null
    }
  }

  async function read(): Promise<void> {
    const page = await ask(pageSize)
    if (page) show(page)
  }

  async function readMore(): Promise<void> {
    reading.value = true
    const page = await ask(pageSize, cursor.value)
    if (page) show({ ...page, tickets: [...(list.value ?? []), ...page.tickets] })
    reading.value = false
  }

  async function look(): Promise<void> {
    if (!list.value) return read()
    if (reading.value) return heard()
    const page = await ask(Math.min(Math.max(list.value.length, pageSize), mostAtOnce))
    if (!page) return
    news.value = page
    settle()
  }
  const heard = coalesced(look, 400)

  // Whoever has paged further than one answer goes keeps their place until they ask.
  const updates = computed(() => (news.value ? changes((list.value ?? []).slice(0, mostAtOnce), news.value.tickets) : 0))
  const pagedFar = (): boolean => (list.value?.length ?? 0) > mostAtOnce
  function settle(): void {
    if (news.value && (updates.value === 0 ? !pagedFar() : !held.value && !pagedFar())) show(news.value)
  }
  const merge = (): void => void (news.value && show(news.value))
  watch(held, settle)

  const again = coalesced(read, 300)
  watch(filters, () => {
    news.value = null
    again()
  })
  void read()

  return { list, cursor, count, trouble, updates, reading, read, readMore, heard, merge }
}
