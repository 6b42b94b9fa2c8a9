"""paho's properties as the JSON objects of ../README.md, and back."""

from paho.mqtt.properties import Properties

MANY = {"User Property": "user_properties", "Subscription Identifier": "subscription_identifiers"}


def _snake(name):
    return name.lower().replace(" ", "_")


def _attribute(name):
    return name.replace(" ", "")


def written(packet_type, given):
    """None if there are none: MQTT 3 must not be given any."""
    if not given:
        return None
    properties = Properties(packet_type)
    known = {_snake(name): name for name in properties.names}
    known["user_properties"] = "User Property"
    for key, value in given.items():
        if key == "correlation_data":
            value = bytes.fromhex(value)
        if key == "user_properties":
            value = [tuple(pair) for pair in value]
        setattr(properties, _attribute(known[key]), value)
    return properties


def read(properties):
    found = {}
    for name in properties.names if properties else ():
        value = getattr(properties, _attribute(name), None)
        if value is None:
            continue
        key = MANY.get(name, _snake(name))
        found[key] = value.hex() if isinstance(value, bytes) else value
    return found
