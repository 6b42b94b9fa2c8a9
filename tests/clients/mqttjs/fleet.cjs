// Many MQTT.js clients in one process under the fleet's protocol of ../README.md, the even ones MQTT 5,
// the odd ones MQTT 3.1.1. Nothing is hidden and nothing repaired: a fault is said at once.
'use strict'

const { createInterface } = require('node:readline')
const { parseArgs } = require('node:util')
const mqtt = require('mqtt')

const CONNECTING_MAX = 50

const text = { type: 'string' }
const args = parseArgs({
  options: { port: text, id: text, user: text, password: text, fleet: text, partner: text },
}).values

/** Milliseconds between two messages of a client; 0: none are sent. */
let period = 0

function emit(event, fields = {}) {
  process.stdout.write(JSON.stringify({ event, ...fields }) + '\n')
}

/** The numbers of one publisher, as one subscriber sees them: each once, none missing, in order. */
class Sequence {
  next = 0
  missing = new Set()

  /** What is wrong with the number that came next, or null. */
  take(number) {
    if (number < this.next) return this.missing.delete(number) ? 'late' : 'repeated'
    const expected = this.next
    this.next = number + 1
    for (let passed = expected; passed < number; passed += 1) this.missing.add(passed)
    return number === expected ? null : 'gap'
  }

  get received() {
    return this.next - this.missing.size
  }
}

/** One client. */
class Member {
  sent = 0
  acknowledged = 0
  sequence = new Sequence()

  constructor(number) {
    this.number = number
    this.name = `${args.id}-${number}`
  }

  async connect() {
    const version = this.number % 2 === 0 ? 5 : 4
    this.client = mqtt.connect({
      host: '127.0.0.1',
      port: Number(args.port),
      protocol: 'mqtt',
      protocolVersion: version,
      clientId: this.name,
      username: args.user,
      password: args.password,
      clean: true,
      reconnectPeriod: 0,
    })
    this.listen()
    await new Promise((done) => this.client.once('connect', done))
    const [{ qos }] = await this.client.subscribeAsync(`flow/${args.partner}/${this.number}`, { qos: 1 })
    if (qos !== 1) this.fault('subscription', `granted ${qos}`)
  }

  listen() {
    let reason = null
    this.client.on('message', (topic, payload, packet) => this.check(payload.toString(), packet))
    this.client.on('packetreceive', (packet) => {
      if (packet.cmd === 'puback') this.answered(packet.reasonCode ?? 0)
    })
    this.client.on('disconnect', (packet) => (reason = packet.reasonCode))
    this.client.on('error', (error) => {
      if (typeof error.code === 'number') emit('refused', { client: this.name, reason: error.code })
      else this.fault('error', error.message)
    })
    this.client.on('close', () => emit('disconnected', { client: this.name, reason }))
  }

  check(found, { dup, qos, retain }) {
    if (!/^\d+$/.test(found)) return this.fault('garbled', found)
    if (dup || qos !== 1 || retain) this.fault('flags', `${found}: dup ${dup}, qos ${qos}, retain ${retain}`)
    const expected = this.sequence.next
    const kind = this.sequence.take(Number(found))
    if (kind) this.fault(kind, `expected ${expected}, found ${found}`)
  }

  answered(reason) {
    if (reason !== 0) this.fault('unwelcome', `${this.acknowledged} was answered with reason 0x${reason.toString(16)}`)
    this.acknowledged += 1
  }

  publish() {
    const topic = `flow/${args.id}/${this.number}`
    this.client.publish(topic, String(this.sent), { qos: 1 }, (error) => {
      if (error) this.fault('unwelcome', error.message)
    })
    this.sent += 1
  }

  fault(kind, detail) {
    emit('fault', { client: this.name, kind, detail })
  }
}

const fleet = Array.from({ length: Number(args.fleet) }, (_, number) => new Member(number))

async function connectAll() {
  const waiting = [...fleet]
  const lane = async () => {
    while (waiting.length) await waiting.shift().connect()
  }
  await Promise.all(Array.from({ length: CONNECTING_MAX }, lane))
  emit('ready')
}

/** One timer for each client, so that they do not all speak at once. */
function start() {
  fleet.forEach((member, number) => {
    setTimeout(() => {
      const timer = setInterval(() => {
        if (period === 0) clearInterval(timer)
        else member.publish()
      }, period)
    }, (period * number) / fleet.length)
  })
}

function obey(command) {
  switch (command.do) {
    case 'start':
      period = command.period_ms
      return start()
    case 'stop':
      period = 0
      return
    case 'count': {
      const ofAll = (count) => fleet.map(count)
      return emit('counted', {
        sent: ofAll((member) => member.sent),
        acknowledged: ofAll((member) => member.acknowledged),
        received: ofAll((member) => member.sequence.received),
      })
    }
  }
}

createInterface({ input: process.stdin })
  .on('line', (line) => obey(JSON.parse(line)))
  .on('close', () => process.exit(0))
connectAll()
