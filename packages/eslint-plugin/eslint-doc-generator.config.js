import { format, resolveConfig } from 'prettier'

/** @type {import('eslint-doc-generator').GenerateOptions} */
export default {
  configEmoji: [
    ['recommended', '✅'],
    ['strict', '🔒'],
    ['recommended-type-checked', '☑️'],
    ['strict-type-checked', '🔐'],
  ],
  ruleDocSectionInclude: ['Why it breaks', 'Wrong', 'Right', 'When not to use it', 'What it cannot see'],
  ruleListColumns: ['name', 'description', 'configsError', 'configsWarn', 'hasSuggestions'],
  postprocess: async (text, path) => format(text, { ...(await resolveConfig(path)), filepath: path }),
}
