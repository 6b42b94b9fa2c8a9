"""libmosquitto under the line protocol of ../README.md."""

import argparse
import ctypes
import json
import os
import sys
import threading
import time

import library
from library import call, read, written

LEVELS = {"3.1": 3, "3.1.1": 4, "5": 5}
PERSISTENT_SECONDS = 3600

state = threading.Condition()
done = 0
last_reason = None
leaving = False
# As long as the library may call them.
callbacks = []


def emit(event, **fields):
    line = json.dumps({"event": event, **fields}) + "\n"
    with state:
        sys.stdout.write(line)
        sys.stdout.flush()


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--version", choices=LEVELS, required=True)
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


def on_connect(_client, _data, reason, flags, properties):
    found = read(properties)
    if reason:
        emit("refused", reason=reason, properties=found)
        os._exit(2)
    assigned = found.get("assigned_client_identifier")
    emit("connected", session_present=bool(flags & 1), assigned=assigned, properties=found)


def on_disconnect(_client, _data, reason, properties):
    if leaving:
        return
    # Below 0x80 it is the library's own number for what went wrong.
    code = reason if reason >= 0x80 else None
    emit("disconnected", reason=code, properties=read(properties))
    os._exit(3)  # before the library reconnects by itself


def on_message(_client, _data, pointer, properties):
    message = pointer.contents
    payload = ctypes.string_at(message.payload, message.payloadlen) if message.payloadlen else b""
    emit(
        "message",
        topic=message.topic.decode(),
        payload=payload.decode(),
        qos=message.qos,
        retain=message.retain,
        properties=read(properties, many=True),
    )


def on_publish(_client, _data, _id, reason, _properties):
    global done, last_reason
    with state:
        done += 1
        last_reason = reason
        state.notify_all()


def on_subscribe(_client, _data, _id, _count, granted, _properties):
    emit("subscribed", granted=granted[0])


def on_unsubscribe(_client, _data, _id, _properties):
    emit("unsubscribed")


def listen(client):
    for name, kind, callback in (
        ("connect", library.ON_CONNECT, on_connect),
        ("disconnect", library.ON_DISCONNECT, on_disconnect),
        ("message", library.ON_MESSAGE, on_message),
        ("publish", library.ON_PUBLISH, on_publish),
        ("subscribe", library.ON_SUBSCRIBE, on_subscribe),
        ("unsubscribe", library.ON_UNSUBSCRIBE, on_unsubscribe),
    ):
        callbacks.append(kind(callback))
        library.function(f"{name}_v5_callback_set")(client, callbacks[-1])


def build(options):
    library.lib.mosquitto_lib_init()
    name = options.id.encode() or None
    client = library.function("new")(name, not options.persistent, None)
    call("int_option", client, library.PROTOCOL_VERSION, LEVELS[options.version])
    listen(client)
    if options.user is not None:
        call("username_pw_set", client, options.user.encode(), (options.password or "").encode())
    if options.will:
        payload = options.will_payload.encode()
        message = (options.will.encode(), len(payload), payload, options.will_qos)
        properties = written(options.will_properties)
        call("will_set_v5", client, *message, options.will_retain, properties)
    return client


def connect(client, options):
    properties = options.properties
    if options.persistent and options.version == "5":
        properties = {"session_expiry_interval": PERSISTENT_SECONDS, **properties}
    where = (b"127.0.0.1", options.port, options.keep_alive, None)
    call("connect_bind_v5", client, *where, written(properties))
    call("loop_start", client)


def publish(client, topic, payload, qos, retain, properties=None):
    """An empty topic stands for that of the alias: libmosquitto wants NULL."""
    data = payload.encode()
    message = (topic.encode() or None, len(data), data, qos, retain)
    call("publish_v5", client, None, *message, written(properties))


def wait_published(target):
    with state:
        state.wait_for(lambda: done >= target)
    emit("published", reason=last_reason)


def burst(client, command):
    for number in range(command["count"]):
        publish(client, command["topic"], str(number), command["qos"], False)
        if command["pause_ms"]:
            time.sleep(command["pause_ms"] / 1000)


def subscribe(client, command):
    wished = command.get("options", {})
    options = 0x04 * wished.get("no_local", False)
    options |= 0x08 * wished.get("retain_as_published", False)
    options |= 0x10 * wished.get("retain_handling", 0)
    filter = command["filter"].encode()
    properties = written(command.get("properties"))
    call("subscribe_v5", client, None, filter, command["qos"], options, properties)


def obey(client, command):
    global leaving
    match command["do"]:
        case "subscribe":
            subscribe(client, command)
        case "unsubscribe":
            call("unsubscribe_v5", client, None, command["filter"].encode(), None)
        case "publish":
            target = done + 1
            message = [command[key] for key in ("topic", "payload", "qos", "retain")]
            publish(client, *message, command.get("properties"))
            wait_published(target)
        case "burst":
            target = done + command["count"]
            burst(client, command)
            wait_published(target)
        case "disconnect":
            leaving = True
            call("disconnect", client)
            call("loop_stop", client, False)
            sys.exit(0)


def main():
    options = arguments()
    client = build(options)
    connect(client, options)
    for line in sys.stdin:
        obey(client, json.loads(line))


main()
