import type { Same } from '../same'
import type zhCN from '../zh-CN/login'

export default {
  login: {
    hello: 'Welcome. Please log in',
    intro: 'Log in, choose your seat, and you can answer citizens’ calls.',
    name: 'Login name',
    password: 'Password',
    submit: 'Log in',
    busy: 'Logging in…',
    show: 'Show password',
    hide: 'Hide password',
    needName: 'Please enter your login name',
    needPassword: 'Please enter your password',
    help: 'Forgotten your password? Please ask the staff in the hall.',
    ended: 'Your login has ended. Please log in again. A running call is not cut.',
    capsLock: 'Caps Lock is on',
  },
} satisfies Same<typeof zhCN>
