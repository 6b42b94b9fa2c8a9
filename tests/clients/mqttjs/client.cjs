// MQTT.js under the line protocol of ../README.md.
'use strict'

const { createHmac, randomBytes } = require('node:crypto')
const { readFileSync } = require('node:fs')
const { createInterface } = require('node:readline')
const { parseArgs } = require('node:util')
const mqtt = require('mqtt')
const { read, written } = require('./properties.cjs')

const LEVELS = { '3.1': 3, '3.1.1': 4, 5: 5 }
const PERSISTENT_SECONDS = 3600
const IN_FLIGHT = 16

let leaving = false
let reason = null
let farewell = {}
/** By the last acknowledgement: MQTT.js tells its application only of failures. */
let acknowledged = 0

function emit(event, fields = {}) {
  process.stdout.write(JSON.stringify({ event, ...fields }) + '\n')
}

/** Exits once everything emitted so far has left the process. */
function exit(status) {
  process.stdout.write('', () => process.exit(status))
}

function parse() {
  const text = { type: 'string' }
  return parseArgs({
    options: {
      port: text,
      websocket: { type: 'boolean', default: false },
      ca: text,
      version: text,
      id: text,
      persistent: { type: 'boolean', default: false },
      'keep-alive': { type: 'string', default: '60' },
      properties: { type: 'string', default: '{}' },
      user: text,
      password: text,
      secret: text,
      will: text,
      'will-payload': { type: 'string', default: '' },
      'will-qos': { type: 'string', default: '0' },
      'will-retain': { type: 'boolean', default: false },
      'will-properties': { type: 'string', default: '{}' },
    },
  }).values
}

function connectOptions(args) {
  const level = LEVELS[args.version]
  const options = {
    host: args.ca ? 'localhost' : '127.0.0.1',
    port: Number(args.port),
    protocol: (args.websocket ? 'ws' : 'mqtt') + (args.ca ? 's' : ''),
    ca: args.ca ? readFileSync(args.ca) : undefined,
    path: args.websocket ? '/mqtt' : undefined,
    protocolVersion: level,
    protocolId: level === 3 ? 'MQIsdp' : 'MQTT',
    clientId: args.id,
    clean: !args.persistent,
    keepalive: Number(args['keep-alive']),
    reconnectPeriod: 0,
    username: args.user,
    password: args.password,
  }
  if (level === 5) {
    const kept = args.persistent ? { sessionExpiryInterval: PERSISTENT_SECONDS } : {}
    const exchange = args.secret ? firstWord() : {}
    options.properties = { ...kept, ...exchange, ...written(JSON.parse(args.properties)) }
  }
  if (args.will) options.will = will(args, level)
  return options
}

function will(args, level) {
  const message = {
    topic: args.will,
    payload: args['will-payload'],
    qos: Number(args['will-qos']),
    retain: args['will-retain'],
  }
  return level === 5 ? { ...message, properties: written(JSON.parse(args['will-properties'])) } : message
}

const METHOD = 'HMAC-BOTH-WAYS'
let nonce = null

/** What begins an exchange by which both sides prove a secret. */
function firstWord() {
  nonce = randomBytes(24)
  return { authenticationMethod: METHOD, authenticationData: nonce }
}

/** Answers the broker's challenges: its nonce, then its own proof. */
function prove(client, secret) {
  const mac = (side, nonces) => createHmac('sha256', secret).update(side).update(nonces).digest()
  let nonces = null
  client.handleAuth = (packet, callback) => {
    const data = packet.properties?.authenticationData ?? Buffer.alloc(0)
    if (packet.reasonCode === 0) {
      emit('authenticated', { data: data.toString() })
      return callback()
    }
    let answer = Buffer.alloc(0)
    if (data.length === 16) {
      nonces = Buffer.concat([nonce, data])
      answer = mac('client', nonces)
    } else if (!data.equals(mac('broker', nonces))) {
      return callback(new Error('the broker does not know the secret'))
    }
    const properties = { authenticationMethod: METHOD, authenticationData: answer }
    return callback(null, { cmd: 'auth', reasonCode: 0x18, properties })
  }
}

function report(client) {
  client.on('connect', (connack) => {
    const assigned = connack.properties?.assignedClientIdentifier ?? null
    const properties = read(connack.properties)
    emit('connected', { session_present: Boolean(connack.sessionPresent), assigned, properties })
  })
  client.on('message', (topic, payload, { qos, retain, properties }) => {
    emit('message', { topic, payload: payload.toString(), qos, retain, properties: read(properties, { many: true }) })
  })
  client.on('packetreceive', ({ cmd, reasonCode = 0 }) => {
    if (cmd === 'puback' || cmd === 'pubcomp' || (cmd === 'pubrec' && reasonCode >= 0x80)) acknowledged = reasonCode
  })
  client.on('disconnect', (packet) => {
    reason = packet.reasonCode
    farewell = read(packet.properties)
  })
  client.on('error', (error) => {
    if (typeof error.code === 'number') {
      emit('refused', { reason: error.code })
      exit(2)
    }
  })
  client.on('close', () => {
    if (leaving) return
    emit('disconnected', { reason, properties: farewell })
    exit(3)
  })
}

const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds))

async function burst(client, { topic, qos, count, pause_ms: pause }) {
  const waiting = []
  for (let number = 0; number < count; number += 1) {
    // MQTT.js itself does not keep to the server's Receive Maximum.
    if (waiting.length === IN_FLIGHT) await waiting.shift()
    waiting.push(client.publishAsync(topic, String(number), { qos }))
    if (pause) await sleep(pause)
  }
  await Promise.all(waiting)
}

/** The code granted, or that of the refusal. */
async function subscribe(client, { filter, qos, options = {}, properties }) {
  const { no_local: nl = false, retain_as_published: rap = false, retain_handling: rh = 0 } = options
  const extra = properties ? { properties: written(properties) } : {}
  try {
    const [granted] = await client.subscribeAsync(filter, { qos, nl, rap, rh, ...extra })
    return granted.qos
  } catch (error) {
    if (!error.packet) throw error
    return error.packet.granted[0]
  }
}

/** A refusal is told by the reason alone. */
async function publish(client, { topic, payload, qos, retain, properties }) {
  acknowledged = 0
  const extra = properties ? { properties: written(properties) } : {}
  await client.publishAsync(topic, payload, { qos, retain, ...extra }).catch((error) => {
    if (typeof error.code !== 'number') throw error
  })
}

async function obey(client, command) {
  switch (command.do) {
    case 'subscribe':
      return emit('subscribed', { granted: await subscribe(client, command) })
    case 'unsubscribe':
      await client.unsubscribeAsync(command.filter)
      return emit('unsubscribed')
    case 'publish':
      await publish(client, command)
      return emit('published', { reason: acknowledged })
    case 'authenticate':
      // The library begins no exchange by itself on a live connection; its own way to send is used.
      return client._sendPacket({ cmd: 'auth', reasonCode: 0x19, properties: firstWord() })
    case 'burst':
      await burst(client, command)
      return emit('published')
    case 'disconnect':
      leaving = true
      await client.endAsync()
      return exit(0)
  }
}

async function main() {
  const args = parse()
  const client = mqtt.connect(connectOptions(args))
  if (args.secret) prove(client, args.secret)
  report(client)
  for await (const line of createInterface({ input: process.stdin })) {
    await obey(client, JSON.parse(line))
  }
}

main()
