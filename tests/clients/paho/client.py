"""paho-mqtt under the line protocol of ../README.md."""

import argparse
import json
import os
import sys
import threading
import time

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.subscribeoptions import SubscribeOptions

from properties import read, written

VERSIONS = {"3.1": mqtt.MQTTv31, "3.1.1": mqtt.MQTTv311, "5": mqtt.MQTTv5}
PERSISTENT_SECONDS = 3600

state = threading.Condition()
outstanding = 0
last_reason = None
leaving = False
# paho leaves it to the application to remember what the server's aliases stand for.
topics = {}


def emit(event, **fields):
    line = json.dumps({"event": event, **fields}) + "\n"
    with state:
        sys.stdout.write(line)
        sys.stdout.flush()


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--websocket", action="store_true")
    parser.add_argument("--ca")
    parser.add_argument("--version", choices=VERSIONS, required=True)
    parser.add_argument("--id", required=True)
    parser.add_argument("--persistent", action="store_true")
    parser.add_argument("--keep-alive", type=int, default=60)
    parser.add_argument("--properties", type=json.loads, default={})
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--will")
    parser.add_argument("--will-payload", default="")
    parser.add_argument("--will-qos", type=int, default=0)
    parser.add_argument("--will-retain", action="store_true")
    parser.add_argument("--will-properties", type=json.loads, default={})
    return parser.parse_args()


def on_connect(_client, _data, flags, reason, properties):
    found = read(properties)
    if reason.is_failure:
        emit("refused", reason=reason.value, properties=found)
        os._exit(2)
    assigned = found.get("assigned_client_identifier")
    present = bool(flags.session_present)
    emit("connected", session_present=present, assigned=assigned, properties=found)


def on_disconnect(_client, _data, flags, reason, properties):
    if leaving:
        return
    code = reason.value if flags.is_disconnect_packet_from_server else None
    emit("disconnected", reason=code, properties=read(properties))
    os._exit(3)  # before paho reconnects by itself


def on_message(_client, _data, message):
    properties = read(getattr(message, "properties", None))
    alias = properties.get("topic_alias")
    topic = message.topic or topics[alias]
    if alias is not None:
        topics[alias] = topic
    emit(
        "message",
        topic=topic,
        payload=message.payload.decode(),
        qos=message.qos,
        retain=bool(message.retain),
        properties=properties,
    )


def on_publish(_client, _data, _id, reason, _properties):
    global outstanding, last_reason
    with state:
        outstanding -= 1
        last_reason = reason.value
        state.notify_all()


def publish(client, topic, payload, qos, retain, properties=None):
    global outstanding
    with state:
        outstanding += 1
    info = client.publish(topic, payload, qos, retain, properties)
    if info.rc not in (mqtt.MQTT_ERR_SUCCESS, mqtt.MQTT_ERR_QUEUE_SIZE):
        raise SystemExit(f"publish: {mqtt.error_string(info.rc)}")


def wait_published():
    with state:
        state.wait_for(lambda: outstanding == 0)
    emit("published", reason=last_reason)


def burst(client, command):
    for number in range(command["count"]):
        publish(client, command["topic"], str(number), command["qos"], False)
        if command["pause_ms"]:
            time.sleep(command["pause_ms"] / 1000)


def build(options):
    version = VERSIONS[options.version]
    clean = None if version == mqtt.MQTTv5 else not options.persistent
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        options.id,
        clean_session=clean,
        protocol=version,
        transport="websockets" if options.websocket else "tcp",
    )
    if options.ca is not None:
        client.tls_set(options.ca)
    client.on_connect = on_connect
    client.on_disconnect = on_disconnect
    client.on_message = on_message
    client.on_publish = on_publish
    client.on_subscribe = lambda _c, _d, _id, codes, _p: emit("subscribed", granted=codes[0].value)
    client.on_unsubscribe = lambda _c, _d, _id, _codes, _p: emit("unsubscribed")
    if options.user is not None:
        client.username_pw_set(options.user, options.password)
    if options.will:
        properties = written(PacketTypes.WILLMESSAGE, options.will_properties)
        will = (options.will, options.will_payload, options.will_qos, options.will_retain)
        client.will_set(*will, properties)
    return client


def connect(client, options):
    extra = {}
    if options.version == "5":
        properties = options.properties
        if options.persistent:
            properties = {"session_expiry_interval": PERSISTENT_SECONDS, **properties}
        extra["clean_start"] = not options.persistent
        extra["properties"] = written(PacketTypes.CONNECT, properties)
    host = "127.0.0.1" if options.ca is None else "localhost"
    client.connect(host, options.port, options.keep_alive, **extra)
    client.loop_start()


def subscribe(client, command, version):
    if version != "5":
        return client.subscribe(command["filter"], command["qos"])
    wished = command.get("options", {})
    options = SubscribeOptions(
        command["qos"],
        wished.get("no_local", False),
        wished.get("retain_as_published", False),
        wished.get("retain_handling", 0),
    )
    properties = written(PacketTypes.SUBSCRIBE, command.get("properties"))
    return client.subscribe(command["filter"], options=options, properties=properties)


def obey(client, command, version):
    global leaving
    match command["do"]:
        case "subscribe":
            subscribe(client, command, version)
        case "unsubscribe":
            client.unsubscribe(command["filter"])
        case "publish":
            message = [command[key] for key in ("topic", "payload", "qos", "retain")]
            publish(client, *message, written(PacketTypes.PUBLISH, command.get("properties")))
            wait_published()
        case "burst":
            burst(client, command)
            wait_published()
        case "disconnect":
            leaving = True
            client.disconnect()
            client.loop_stop()
            sys.exit(0)


def main():
    options = arguments()
    client = build(options)
    connect(client, options)
    for line in sys.stdin:
        obey(client, json.loads(line), options.version)


main()
