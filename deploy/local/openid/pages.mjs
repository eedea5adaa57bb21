// The pages of the local OpenID provider: plain HTML, in Danish and English.

const GROUPS = [
  ['citizen', 'Borgere', 'Citizens'],
  ['employer', 'Virksomheder', 'Employers'],
  ['caseworker', 'Kommuner', 'Municipalities'],
  ['authority', 'Myndigheder', 'Authorities'],
  ['auditor', 'Revision', 'Audit']
]

export const STYLE = `
body { font: 1.125rem/1.5 "IBM Plex Sans", system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 0 auto; max-width: 46rem; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.25rem; margin: 2rem 0 0.5rem; }
[lang=en] { color: #454545; }
ul { list-style: none; margin: 0; padding: 0; }
li { border-top: 1px solid #bfbfbf; padding: 0.75rem 0; }
li p { margin: 0.25rem 0 0; }
button { font: inherit; font-weight: 600; color: #fff; background: #0059b3; border: 2px solid #0059b3; border-radius: 4px; padding: 0.5rem 1rem; text-align: left; cursor: pointer; }
button:hover { background: #004080; }
button.plain { color: #0059b3; background: #fff; }
button:focus-visible { outline: 4px solid #747474; outline-offset: 2px; }
`

const MARKS = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escaped (text) {
  return String(text).replace(/[&<>"']/g, mark => MARKS[mark])
}

function page (title, body) {
  return `<!doctype html>
<html lang="da">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`
}

export function messagePage (title, html, detail = '') {
  return page(title, `<h1>${escaped(title)}</h1>\n${html}\n${detail && `<p lang="en">${escaped(detail)}</p>`}`)
}

function choice ({ id, name, about, om }) {
  return `<li>
<button name="person" value="${escaped(id)}">Log på som ${escaped(name)}</button>
<p>${escaped(om)} <span lang="en">(${escaped(about)})</span></p>
</li>`
}

function group (people, [role, danish, english]) {
  const members = people.filter(person => person.role === role)
  return `<h2>${danish} <span lang="en">(${english})</span></h2>\n<ul>\n${members.map(choice).join('\n')}\n</ul>`
}

export function choicePage (people) {
  return page('Log på Frikort med en testperson', `<h1>Log på Frikort med en testperson</h1>
<p>Du er på en maskine til udvikling. Alle personer er opdigtede, og ingen har en adgangskode.
Vælg, hvem du vil være.</p>
<p lang="en">This is a development machine. Everyone here is invented, and nobody has a password. Choose who you want to be.</p>
<form method="post">
${GROUPS.map(entry => group(people, entry)).join('\n')}
<p><button class="plain" name="person" value="">Afbryd <span lang="en">(cancel)</span></button></p>
</form>`)
}
