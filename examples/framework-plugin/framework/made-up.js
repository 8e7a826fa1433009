#!/usr/bin/env node
// Makes `dist/*.html` of `pages/*.txt`.
//
// As frameworks do: it reads a configuration, inlines variables that begin with a prefix, and keeps
// notes to itself that differ each time.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'

const config = { title: '', cacheDirectory: '.made-up', envPrefix: 'MADE_UP_', ...read('made-up.config.json') }
const notes = `${config.cacheDirectory}/notes.json`

function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT') return {}
    throw error
  }
}

if (process.argv[2] !== 'build') {
  console.error('usage: made-up build')
  process.exit(64)
}
const builds = (read(notes).builds ?? 0) + 1
const inlined = Object.keys(process.env)
  .filter((name) => name.startsWith(config.envPrefix))
  .sort()
  .map((name) => `<meta name="${name}" content="${process.env[name]}">\n`)
mkdirSync('dist', { recursive: true })
const pages = readdirSync('pages').sort()
for (const page of pages) {
  const text = readFileSync(`pages/${page}`, 'utf8')
  writeFileSync(
    `dist/${page.replace(/\.txt$/, '.html')}`,
    `<title>${config.title}</title>\n${inlined.join('')}<p>${text.trim()}</p>\n`,
  )
}
mkdirSync(config.cacheDirectory, { recursive: true })
writeFileSync(notes, JSON.stringify({ builds, at: new Date().toISOString() }))
console.log(`made ${pages.length} pages`)
