import './styles/tokens.css'
import './styles/base.css'

import { createPinia } from 'pinia'
import { createApp } from 'vue'

import { whenLoginLost } from './api/client'
import App from './App.vue'
import { i18n, startLocale } from './lib/i18n'
import { useIdentity } from './login/identity'
import { router } from './router'

const app = createApp(App)
app.use(createPinia()).use(i18n).use(router)

whenLoginLost(() => {
  const identity = useIdentity()
  if (!identity.me) return
  identity.forget()
  void router.push({ path: '/login', query: { back: router.currentRoute.value.fullPath, why: 'ended' } })
})

void startLocale().finally(() => app.mount('#app'))
