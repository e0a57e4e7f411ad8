// The gallery: /gallery/ lists the scenarios; /gallery/?scenario=seat-ringing&lang=en draws one of them, by the product itself.
import { Edge } from './edge'
import { scenarios } from './scenarios'
import { play } from './steps'
import { list } from './list'

const asked = new URLSearchParams(location.search)
const root = document.documentElement

Object.assign(window, { scenarios: scenarios.map((s) => s.name) })

async function draw(name: string): Promise<void> {
  const scenario = scenarios.find((s) => s.name === name)
  if (!scenario) throw new Error(`${name}: no such scenario`)
  sessionStorage.clear()
  localStorage.setItem('hotline.locale', asked.get('lang') ?? 'zh-CN')
  if (scenario.beside) await openBeside(scenario.beside, asked.get('lang') ?? '')
  const edge = new Edge(scenario)
  edge.install()
  history.replaceState(null, '', scenario.path)
  await import('@/main')
  await play(scenario.steps ?? [], scenario.shows, (t) => edge.turn(t))
  if (edge.troubles.length > 0) throw new Error(edge.troubles.join('\n'))
  sessionStorage.clear()
}

// openBeside has another scenario open in the same browser, unseen, as another tab would be.
async function openBeside(name: string, lang: string): Promise<void> {
  const tab = document.createElement('iframe')
  tab.src = `/gallery/?scenario=${name}&lang=${lang}`
  tab.inert = true
  tab.style.cssText = 'position: fixed; left: -5000px; width: 1280px; height: 720px'
  document.body.append(tab)
  await new Promise<void>((done) => {
    const look = setInterval(() => {
      if (tab.contentDocument?.documentElement.dataset.drawn === undefined) return
      clearInterval(look)
      done()
    }, 50)
  })
}

const name = asked.get('scenario')
if (name === null) list(scenarios)
else
  draw(name).then(
    () => (root.dataset.drawn = ''),
    (err: unknown) => (root.dataset.drawn = String(err)),
  )
