// What `npm run lint` holds: mistakes that the type checker does not see, pages that everybody can use, and who may import whom.
import js from '@eslint/js'
import a11y from 'eslint-plugin-vuejs-accessibility'
import vue from 'eslint-plugin-vue'
import globals from 'globals'
import ts from 'typescript-eslint'

// The features stand on core, lib and api, and do not know each other; pages and shell put them together.
const features = ['seat', 'call', 'ticket', 'board', 'admin']
const above = ['pages', 'shell']

const oneWord = ['Chip', 'Loadable', 'Refusal', 'Timeline'] // primitives of core/ui that no element of HTML will be named like

const folders = (names) => names.flatMap((n) => [`@/${n}/*`, `@/${n}/**`, `**/../${n}/*`, `../${n}/*`])
const apart = (from, forbidden, message) => ({
  files: [`src/${from}/**`],
  rules: {
    'no-restricted-imports': ['error', { patterns: [{ group: folders(forbidden), message }] }],
    'no-restricted-syntax': ['error', { selector: `ImportExpression > Literal[value=/(@|\\.\\.)\\/(${forbidden.join('|')})\\//]`, message }], // what is fetched late too
  },
})

export default ts.config(
  { ignores: ['dist/', 'src/api/schema.d.ts'] },
  js.configs.recommended,
  ts.configs.recommended,
  vue.configs['flat/recommended'],
  a11y.configs['flat/recommended'],
  {
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
  },
  {
    files: ['src/**/*.ts', 'src/**/*.vue', 'build/*.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, projectService: true, tsconfigRootDir: import.meta.dirname, extraFileExtensions: ['.vue'] } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
    },
  },
  {
    files: ['**/*.vue'],
    rules: {
      // How tags are broken into lines is the writer's, as everywhere in this repository.
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/html-self-closing': ['error', { html: { void: 'always' } }],
      'vue/multi-word-component-names': ['error', { ignores: oneWord }],
      // A label holds its control or names it, and Element's controls are controls.
      'vuejs-accessibility/label-has-for': ['error', { components: [], controlComponents: ['ElInput'], required: { some: ['nesting', 'id'] } }],
      'vuejs-accessibility/no-autofocus': ['error', { ignoreNonDOM: true }], // in a dialog, Element's trap takes it as the first place
    },
  },
  ...features.map((f) => apart(f, [...features.filter((o) => o !== f), ...above], `${f} stands on core and knows no other feature: put what is shared into core`)),
  ...['core', 'lib', 'api'].map((f) => apart(f, [...features, ...above], `${f} is what the features stand on: it knows none of them`)),
)
