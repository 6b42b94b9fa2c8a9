"""The part of libmosquitto that client.py needs, by ctypes: the library under mosquitto_pub and mosquitto_sub."""

import ctypes
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_bool, c_char_p, c_int
from ctypes import c_uint8, c_uint16, c_uint32, c_void_p

lib = ctypes.CDLL("libmosquitto.so.1")

PROTOCOL_VERSION = 1  # MOSQ_OPT_PROTOCOL_VERSION


class Message(Structure):
    _fields_ = [
        ("mid", c_int),
        ("topic", c_char_p),
        ("payload", c_void_p),
        ("payloadlen", c_int),
        ("qos", c_int),
        ("retain", c_bool),
    ]


ON_CONNECT = CFUNCTYPE(None, c_void_p, c_void_p, c_int, c_int, c_void_p)
ON_DISCONNECT = CFUNCTYPE(None, c_void_p, c_void_p, c_int, c_void_p)
ON_PUBLISH = CFUNCTYPE(None, c_void_p, c_void_p, c_int, c_int, c_void_p)
ON_MESSAGE = CFUNCTYPE(None, c_void_p, c_void_p, POINTER(Message), c_void_p)
ON_SUBSCRIBE = CFUNCTYPE(None, c_void_p, c_void_p, c_int, c_int, POINTER(c_int), c_void_p)
ON_UNSUBSCRIBE = CFUNCTYPE(None, c_void_p, c_void_p, c_int, c_void_p)

SIGNATURES = {
    "new": [c_char_p, c_bool, c_void_p],
    "int_option": [c_void_p, c_int, c_int],
    "username_pw_set": [c_void_p, c_char_p, c_char_p],
    "will_set_v5": [c_void_p, c_char_p, c_int, c_char_p, c_int, c_bool, c_void_p],
    "connect_bind_v5": [c_void_p, c_char_p, c_int, c_int, c_char_p, c_void_p],
    "disconnect": [c_void_p],
    "loop_start": [c_void_p],
    "loop_stop": [c_void_p, c_bool],
    "publish_v5": [c_void_p, c_void_p, c_char_p, c_int, c_char_p, c_int, c_bool, c_void_p],
    "subscribe_v5": [c_void_p, c_void_p, c_char_p, c_int, c_int, c_void_p],
    "unsubscribe_v5": [c_void_p, c_void_p, c_char_p, c_void_p],
    "connect_v5_callback_set": [c_void_p, ON_CONNECT],
    "disconnect_v5_callback_set": [c_void_p, ON_DISCONNECT],
    "publish_v5_callback_set": [c_void_p, ON_PUBLISH],
    "message_v5_callback_set": [c_void_p, ON_MESSAGE],
    "subscribe_v5_callback_set": [c_void_p, ON_SUBSCRIBE],
    "unsubscribe_v5_callback_set": [c_void_p, ON_UNSUBSCRIBE],
    "property_next": [c_void_p],
    "property_identifier": [c_void_p],
    "strerror": [c_int],
}
RESULTS = {"new": c_void_p, "property_next": c_void_p, "strerror": c_char_p}


def function(name):
    """`mosquitto_NAME`; one that can fail returns 0 for success."""
    found = getattr(lib, f"mosquitto_{name}")
    found.argtypes = SIGNATURES[name]
    found.restype = RESULTS.get(name, c_int)
    return found


def call(name, *arguments):
    """Calls what can fail, and ends the program when it does."""
    status = function(name)(*arguments)
    if status:
        raise SystemExit(f"{name}: {function('strerror')(status).decode()}")


NAMES = {
    1: ("payload_format_indicator", "byte"),
    2: ("message_expiry_interval", "int32"),
    3: ("content_type", "string"),
    8: ("response_topic", "string"),
    9: ("correlation_data", "binary"),
    11: ("subscription_identifier", "varint"),
    17: ("session_expiry_interval", "int32"),
    18: ("assigned_client_identifier", "string"),
    19: ("server_keep_alive", "int16"),
    23: ("request_problem_information", "byte"),
    24: ("will_delay_interval", "int32"),
    25: ("request_response_information", "byte"),
    26: ("response_information", "string"),
    28: ("server_reference", "string"),
    31: ("reason_string", "string"),
    33: ("receive_maximum", "int16"),
    34: ("topic_alias_maximum", "int16"),
    35: ("topic_alias", "int16"),
    36: ("maximum_qos", "byte"),
    37: ("retain_available", "byte"),
    38: ("user_properties", "string_pair"),
    39: ("maximum_packet_size", "int32"),
    40: ("wildcard_subscription_available", "byte"),
    41: ("subscription_identifier_available", "byte"),
    42: ("shared_subscription_available", "byte"),
}
NUMBERS = {"byte": c_uint8, "int16": c_uint16, "int32": c_uint32, "varint": c_uint32}


def written(given):
    """A list of properties of a JSON object of ../README.md; NULL if there are none."""
    properties = c_void_p()
    known = {name: (identifier, kind) for identifier, (name, kind) in NAMES.items()}
    for key, value in (given or {}).items():
        identifier, kind = known[key]
        for one in value if kind == "string_pair" else [value]:
            _add(properties, identifier, kind, one)
    return properties


def _add(properties, identifier, kind, value):
    add = getattr(lib, f"mosquitto_property_add_{kind}")
    if kind in NUMBERS:
        arguments = [NUMBERS[kind](value)]
    elif kind == "binary":
        data = bytes.fromhex(value)
        arguments = [data, c_uint16(len(data))]
    elif kind == "string":
        arguments = [value.encode()]
    else:
        arguments = [text.encode() for text in value]
    if add(byref(properties), identifier, *arguments):
        raise SystemExit(f"property {identifier} = {value!r}")


def read(properties, many=False):
    """The JSON object; `many`: of a message, which can have several subscription identifiers."""
    found = {}
    while properties:
        identifier = function("property_identifier")(properties)
        name, kind = NAMES[identifier]
        value = _value(properties, identifier, kind)
        if name == "user_properties":
            found.setdefault(name, []).append(value)
        elif name == "subscription_identifier" and many:
            found.setdefault("subscription_identifiers", []).append(value)
        else:
            found[name] = value
        properties = function("property_next")(properties)
    return found


def _value(properties, identifier, kind):
    at = getattr(lib, f"mosquitto_property_read_{kind}")
    at.restype = c_void_p
    here = c_void_p(properties)
    if kind in NUMBERS:
        number = NUMBERS[kind]()
        at(here, identifier, byref(number), c_bool(False))
        return number.value
    if kind == "binary":
        data, size = c_void_p(), c_uint16()
        at(here, identifier, byref(data), byref(size), c_bool(False))
        return ctypes.string_at(data, size.value).hex()
    if kind == "string":
        text = c_char_p()
        at(here, identifier, byref(text), c_bool(False))
        return text.value.decode()
    name, text = c_char_p(), c_char_p()
    at(here, identifier, byref(name), byref(text), c_bool(False))
    return [name.value.decode(), text.value.decode()]
