// A supervisor's alerts, on whatever page: fetched by supervisors alone, and nothing to see until there is one.
import 'element-plus/theme-chalk/el-notification.css'

import { defineComponent } from 'vue'

import { useAlerts } from './alerts'

export default defineComponent(() => {
  useAlerts()
  return () => null
})
