// The OpenID provider of a local system: everyone can log in with one click, so it starts nowhere else.
// In production the state's own login takes its place; the services see no difference.

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { Provider, errors, interactionPolicy } from 'oidc-provider'

import { STYLE, choicePage, messagePage } from './pages.mjs'

const environment = process.env
if (environment.FRIKORT_ENVIRONMENT !== 'local') {
  console.error('The local OpenID provider starts only with FRIKORT_ENVIRONMENT=local.')
  process.exit(2)
}

const { audience, scope, portal, tokenSeconds, programs, people } = JSON.parse(readFileSync(environment.FRIKORT_PROVIDER_CONFIG, 'utf8'))
const key = JSON.parse(readFileSync(environment.FRIKORT_PROVIDER_KEY, 'utf8'))
const claimsOfProgram = new Map(programs.map(program => [program.client_id, program.claims]))
const known = new Map(people.map(person => [person.id, person]))

const RESOURCE = 'urn:frikort:api'
const PERSON = 'person' // the scope of a person's identity
const ROLES = ['citizen', 'employer', 'caseworker', 'authority', 'auditor']
const PORTALS = ROLES.map(role => `portal:${role}`) // a person's access token is for the role of one portal
const MINUTE = 60
const HOUR = 3600

function clientOfProgram ({ client_id, client_secret, jwks }) {
  const proof = jwks
    ? { jwks, token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'ES256' }
    : { client_secret, token_endpoint_auth_method: 'client_secret_basic' } // in the form is as good
  return { client_id, ...proof, grant_types: ['client_credentials'], response_types: [], redirect_uris: [] }
}

// What a test or a developer took away since the start: roles, by person.
const withdrawn = new Map(people.map(person => [person.id, new Set()]))
const CLAIMS_OF_ROLE = { citizen: ['cpr'], employer: ['cvr', 'signs_for', 'owners'], caseworker: ['municipality'], authority: ['authority'], auditor: ['auditor'] }

function identityOf (id) {
  const lost = [...withdrawn.get(id)].flatMap(role => CLAIMS_OF_ROLE[role])
  return Object.fromEntries(Object.entries(known.get(id).claims).filter(([name]) => !lost.includes(name)))
}

function withoutConsent () {
  const policy = interactionPolicy.base()
  policy.remove('consent')
  return policy
}

async function grantEverything (ctx) {
  const { client, session } = ctx.oidc
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
  grant.addOIDCScope(`openid ${PERSON}`)
  grant.addResourceScope(RESOURCE, PORTALS.join(' '))
  await grant.save()
  return grant
}

// The claims of a person's access token: of the role whose portal they entered, if they have it.
function claimsOfPerson (ctx, token) {
  const role = ROLES.find(one => token.scope?.split(' ').includes(`portal:${one}`))
  if (!role) return undefined // a token for userinfo
  const claims = known.get(token.accountId)?.roles[role]
  if (!claims || withdrawn.get(token.accountId).has(role)) throw new errors.InvalidGrant('the person does not have the role')
  const { RefreshToken: refresh, AuthorizationCode: code } = ctx.oidc.entities
  return { ...claims, auth_time: (refresh ?? code).authTime }
}

// A developer gets a person's token without a page; that is a login at this moment.
function claimsOfClient (token) {
  const claims = claimsOfProgram.get(token.clientId)
  return known.has(token.clientId) ? { ...claims, auth_time: Math.floor(Date.now() / 1000) } : claims
}

// The portals' own logout has asked the person already.
async function endSession (ctx, form) {
  const { session, params, entities, client } = ctx.oidc
  if (entities.IdTokenHint?.payload.sub !== session.accountId) {
    ctx.body = messagePage(
      'Vil du logge af? · Do you want to log off?',
      `${form}<p><button form="op.logoutForm" name="logout" value="yes">Log af · Log off</button></p>`
    )
    return
  }
  const next = params.post_logout_redirect_uri ?? client.postLogoutRedirectUris[0]
  await session.destroy()
  ctx.cookies.set(provider.cookieName('session'), null)
  ctx.status = 303
  ctx.redirect(next)
}

const provider = new Provider(environment.FRIKORT_ISSUER, {
  jwks: { keys: [key] },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  clients: [{ ...portal, grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] }, ...programs.map(clientOfProgram)],
  clientDefaults: { id_token_signed_response_alg: key.alg },
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
  responseTypes: ['code'],
  pkce: { required: () => true },
  scopes: ['openid', PERSON, scope, ...PORTALS],
  claims: {
    openid: ['sub'],
    [PERSON]: ['name', 'cpr', 'cvr', 'signs_for', 'company', 'owners', 'municipality', 'authority', 'auditor']
  },
  findAccount: (ctx, id) => known.has(id) && { accountId: id, claims: () => ({ sub: id, ...identityOf(id) }) },
  loadExistingGrant: grantEverything,
  extraTokenClaims: (ctx, token) => token.accountId ? claimsOfPerson(ctx, token) : claimsOfClient(token),
  issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  // The library's own dispatcher refuses this machine, where the portals are; the configuration names no other address.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  interactions: { policy: withoutConsent(), url: (ctx, { uid }) => `/people/${uid}` },
  renderError (ctx, { error, error_description: description }) {
    ctx.type = 'html'
    ctx.body = messagePage('Login lykkedes ikke · The login failed', '<p>Gå tilbage og begynd forfra. Go back and start again.</p>', `${error}: ${description}`)
  },
  ttl: {
    // A token for a resource lives as long as the resource says, and one for userinfo alone only for the login.
    AccessToken: (ctx, token) => token.resourceServer?.accessTokenTTL ?? MINUTE,
    AuthorizationCode: MINUTE, RefreshToken: 8 * HOUR, IdToken: HOUR, Interaction: HOUR, Session: 8 * HOUR, Grant: 8 * HOUR, ClientCredentials: HOUR
  },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    rpInitiatedLogout: { logoutSource: endSession },
    backchannelLogout: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      // A program's token is for the API. The portals ask for both: the person's identity, and a token for the API.
      defaultResource: (ctx, client) => client.clientId === portal.client_id ? undefined : RESOURCE,
      getResourceServerInfo: (ctx, resource, client) => client.clientId === portal.client_id
        ? { scope: PORTALS.join(' '), audience, accessTokenFormat: 'jwt', accessTokenTTL: tokenSeconds, jwt: { sign: { alg: key.alg } } }
        : { scope, audience, accessTokenFormat: 'jwt', accessTokenTTL: HOUR, jwt: { sign: { alg: key.alg } } }
    }
  }
})

async function form (request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return new URLSearchParams(Buffer.concat(chunks).toString())
}

// When someone else logs on, whoever was here before goes first; otherwise the library asks for that with a page of its own.
async function leave (interaction) {
  const session = await provider.Session.find(interaction.session.cookie)
  await session?.destroy()
  delete interaction.session
  await interaction.persist()
}

// The sessions of each person, for a logout that does not begin in the person's browser.
const sessionsOf = new Map(people.map(person => [person.id, new Set()]))
provider.on('authorization.success', ctx => sessionsOf.get(ctx.oidc.session.accountId)?.add(ctx.oidc.session.uid))

// End all sessions of a person here and, by their back channel, at the clients.
async function logOut (person) {
  for (const uid of sessionsOf.get(person)) {
    const session = await provider.Session.findByUid(uid)
    for (const [clientId, { grantId, sid }] of Object.entries(session?.authorizations ?? {})) {
      const client = await provider.Client.find(clientId)
      await Promise.all([provider.AccessToken, provider.RefreshToken, provider.AuthorizationCode].map(model => model.revokeByGrantId(grantId)))
      await client.backchannelLogout(person, sid)
    }
    await session?.destroy()
  }
  sessionsOf.get(person).clear()
}

// For tests and developers: POST /admin/withdraw and /admin/restore with person and role, /admin/logout with person.
async function administer (ctx) {
  const given = await form(ctx.req)
  const person = given.get('person')
  const role = given.get('role')
  const action = ctx.path.slice('/admin/'.length)
  const fits = action === 'logout' || ROLES.includes(role)
  // A page of another site cannot do this: a browser names the origin of what it posts.
  if (ctx.method !== 'POST' || ctx.get('origin') || !known.has(person) || !fits) ctx.throw(400)
  if (action === 'withdraw') withdrawn.get(person).add(role)
  else if (action === 'restore') withdrawn.get(person).delete(role)
  else if (action === 'logout') await logOut(person)
  else ctx.throw(404)
  ctx.status = 204
}

async function choose (ctx) {
  const interaction = await provider.interactionDetails(ctx.req, ctx.res) // throws for whoever did not come from a login
  if (ctx.method === 'POST') {
    const person = (await form(ctx.req)).get('person')
    if (known.has(person) && interaction.session && interaction.session.accountId !== person) await leave(interaction)
    const result = known.has(person)
      ? { login: { accountId: person } }
      : { error: 'access_denied', error_description: 'nobody was chosen' }
    ctx.respond = false
    return provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: false })
  }
  ctx.type = 'html'
  ctx.body = choicePage(people)
}

provider.use(async (ctx, next) => {
  ctx.set('Cache-Control', 'no-store')
  ctx.set('X-Content-Type-Options', 'nosniff')
  // The library adds the hash of a script where it needs one.
  ctx.set('Content-Security-Policy', "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'")
  if (ctx.path === '/health/ready') {
    ctx.body = { status: 'ready' }
  } else if (ctx.path === '/style.css') {
    ctx.type = 'css'
    ctx.body = STYLE
  } else if (ctx.path.startsWith('/people/')) {
    await choose(ctx)
  } else if (ctx.path.startsWith('/admin/')) {
    await administer(ctx)
  } else {
    await next()
  }
})

// With a key and certificate (one PEM file) it serves https, which the services require in production.
const certificate = environment.FRIKORT_PROVIDER_CERTIFICATE && readFileSync(environment.FRIKORT_PROVIDER_CERTIFICATE)
const answer = provider.callback()
const server = certificate ? createTlsServer({ key: certificate, cert: certificate }, answer) : createServer(answer)
server.listen(Number(environment.FRIKORT_PORT), environment.FRIKORT_HOST)
process.on('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeAllConnections()
})
