// MQTT.js's properties as the JSON objects of ../README.md, and back.
'use strict'

/** Where the name is not the standard's in another spelling. */
const NAMES = {
  maximumQoS: 'maximum_qos',
  subscriptionIdentifiersAvailable: 'subscription_identifier_available',
}

const snake = (name) => NAMES[name] ?? name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase())

/** MQTT.js holds user properties in an object: values of one name stand together. */
function grouped(pairs) {
  const all = {}
  for (const [name, value] of pairs) (all[name] ??= []).push(value)
  return all
}

const flat = (all) => Object.entries(all).flatMap(([name, values]) => [values].flat().map((value) => [name, value]))

function written(given) {
  const properties = {}
  for (const [key, value] of Object.entries(given ?? {})) {
    if (key === 'user_properties') properties.userProperties = grouped(value)
    else if (key === 'correlation_data') properties.correlationData = Buffer.from(value, 'hex')
    else if (key === 'payload_format_indicator') properties.payloadFormatIndicator = value === 1
    else if (key.startsWith('request_')) properties[camel(key)] = value === 1
    else properties[camel(key)] = value
  }
  return properties
}

function read(properties, { many } = {}) {
  const found = {}
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (value === undefined) continue
    if (key === 'userProperties') found.user_properties = flat(value)
    else if (key === 'subscriptionIdentifier' && many) found.subscription_identifiers = [value].flat()
    else if (Buffer.isBuffer(value)) found[snake(key)] = value.toString('hex')
    else found[snake(key)] = typeof value === 'boolean' ? Number(value) : value
  }
  return found
}

module.exports = { read, written }
