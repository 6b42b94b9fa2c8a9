//! The few MQTT 3.1.1 packets a load generator sends and reads.
//! Not a codec: encodes with fixed flags and reads only what comes back to a client.
//! Used by `client` and the cases. Independent of Theseus' own codec on purpose.

use crate::fault::Fault;

/// Bytes of the payload that carry flow, sequence number and time; the rest is filler.
pub(crate) const STAMP_LEN: usize = 16;

/// The longest packet accepted from a broker, in bytes.
const MAX_PACKET: usize = 64 * 1024;

/// DISCONNECT, whole.
pub(crate) const DISCONNECT: [u8; 2] = [0xE0, 0];

/// A packet from the broker.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// CONNACK with its return code.
    ConnAck(u8),
    /// SUBACK with the return code of the one filter asked for.
    SubAck(u8),
    /// PUBLISH; `id` is 0 at QoS 0.
    Publish { qos: u8, id: u16, payload: &'a [u8] },
    /// PUBACK.
    PubAck,
    /// PUBREC with its packet identifier.
    PubRec(u16),
    /// PUBREL with its packet identifier.
    PubRel(u16),
    /// PUBCOMP.
    PubComp,
}

/// CONNECT with a clean session, with user name and password or neither. `keep_alive` is in seconds.
pub(crate) fn connect(client_id: &str, keep_alive: u16, user: Option<(&str, &str)>) -> Vec<u8> {
    let flags = if user.is_some() { 0xC2 } else { 0x02 };
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 4, flags];
    body.extend_from_slice(&keep_alive.to_be_bytes());
    push_text(&mut body, client_id);
    if let Some((name, password)) = user {
        push_text(&mut body, name);
        push_text(&mut body, password);
    }
    framed(0x10, &body)
}

/// SUBSCRIBE to one filter, packet identifier 1.
pub(crate) fn subscribe(filter: &str, qos: u8) -> Vec<u8> {
    let mut body = vec![0, 1];
    push_text(&mut body, filter);
    body.push(qos);
    framed(0x82, &body)
}

/// Appends PUBACK (0x40), PUBREC (0x50), PUBREL (0x62) or PUBCOMP (0x70).
pub(crate) fn push_ack(out: &mut Vec<u8>, first_byte: u8, id: u16) {
    let [high, low] = id.to_be_bytes();
    out.extend_from_slice(&[first_byte, 2, high, low]);
}

/// What a payload says about itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Index of the publisher.
    pub(crate) flow: u32,
    /// Count of its messages before this one.
    pub(crate) seq: u32,
    /// When it was sent, in nanoseconds after the case began.
    pub(crate) sent_ns: u64,
}

/// A PUBLISH encoded once; sending copies it and patches identifier and stamp.
pub(crate) struct Template {
    bytes: Vec<u8>,
    id_at: Option<usize>,
    stamp_at: usize,
}

impl Template {
    /// Encodes for `topic`; `payload_len` is at least [`STAMP_LEN`].
    pub(crate) fn new(topic: &str, qos: u8, payload_len: usize) -> Self {
        let mut body = Vec::new();
        push_text(&mut body, topic);
        let id_in_body = body.len();
        if qos > 0 {
            body.extend_from_slice(&[0, 0]);
        }
        let stamp_in_body = body.len();
        body.resize(stamp_in_body + STAMP_LEN, 0);
        body.extend((STAMP_LEN..payload_len).map(filler));
        let bytes = framed(0x30 | (qos << 1), &body);
        let head = bytes.len() - body.len();
        let id_at = (qos > 0).then_some(head + id_in_body);
        Self { bytes, id_at, stamp_at: head + stamp_in_body }
    }

    /// Appends the message `stamp` describes. The packet identifier follows from its number.
    pub(crate) fn push(&self, out: &mut Vec<u8>, stamp: &Stamp) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        if let Some(at) = self.id_at {
            let id = (stamp.seq % 65_535 + 1) as u16;
            out[start + at..start + at + 2].copy_from_slice(&id.to_be_bytes());
        }
        let at = start + self.stamp_at;
        out[at..at + 4].copy_from_slice(&stamp.flow.to_le_bytes());
        out[at + 4..at + 8].copy_from_slice(&stamp.seq.to_le_bytes());
        out[at + 8..at + 16].copy_from_slice(&stamp.sent_ns.to_le_bytes());
    }

    /// Reads the stamp of a payload made from this template, or `None` if it was damaged.
    pub(crate) fn read(&self, payload: &[u8]) -> Option<Stamp> {
        let sent = &self.bytes[self.stamp_at..];
        if payload.len() != sent.len() || payload[STAMP_LEN..] != sent[STAMP_LEN..] {
            return None;
        }
        Some(Stamp {
            flow: u32::from_le_bytes(payload[..4].try_into().ok()?),
            seq: u32::from_le_bytes(payload[4..8].try_into().ok()?),
            sent_ns: u64::from_le_bytes(payload[8..16].try_into().ok()?),
        })
    }
}

/// Reads the packet at the start of `input` and its length; `None` if it is not all there yet.
/// A packet that a broker may not send is [`Fault::Protocol`].
pub(crate) fn read_packet(input: &[u8]) -> Result<Option<(Packet<'_>, usize)>, Fault> {
    let Some((head, len)) = frame_bounds(input)? else { return Ok(None) };
    if input.len() < len {
        return Ok(None);
    }
    match decode(input[0], &input[head..len]) {
        Some(packet) => Ok(Some((packet, len))),
        None => Err(Fault::Protocol(format!("bad packet: {:02x?}", &input[..len.min(16)]))),
    }
}

/// Length of the fixed header and of the whole packet.
fn frame_bounds(input: &[u8]) -> Result<Option<(usize, usize)>, Fault> {
    let mut remaining = 0;
    for (index, byte) in input.iter().skip(1).take(4).enumerate() {
        remaining |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            let head = index + 2;
            if remaining > MAX_PACKET {
                return Err(Fault::Protocol(format!("a packet of {remaining} bytes")));
            }
            return Ok(Some((head, head + remaining)));
        }
    }
    if input.len() > 4 { Err(Fault::Protocol("endless length".into())) } else { Ok(None) }
}

fn decode(first: u8, body: &[u8]) -> Option<Packet<'_>> {
    match first {
        0x20 if body.len() == 2 => Some(Packet::ConnAck(body[1])),
        0x90 if body.len() == 3 => Some(Packet::SubAck(body[2])),
        0x30..=0x3F => decode_publish(first, body),
        0x40 if body.len() == 2 => Some(Packet::PubAck),
        0x50 => Some(Packet::PubRec(read_id(body)?)),
        0x62 => Some(Packet::PubRel(read_id(body)?)),
        0x70 if body.len() == 2 => Some(Packet::PubComp),
        _ => None,
    }
}

fn decode_publish(first: u8, body: &[u8]) -> Option<Packet<'_>> {
    let qos = (first >> 1) & 3;
    let topic_len = usize::from(read_id(body.get(..2)?)?);
    let rest = body.get(2 + topic_len..)?;
    match qos {
        0 => Some(Packet::Publish { qos, id: 0, payload: rest }),
        1 | 2 => Some(Packet::Publish { qos, id: read_id(rest.get(..2)?)?, payload: &rest[2..] }),
        _ => None,
    }
}

fn read_id(body: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(body.try_into().ok()?))
}

/// Never zero and never constant, so a shifted or cleared payload is seen.
fn filler(at: usize) -> u8 {
    (at % 251) as u8 + 1
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn framed(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    let mut rest = body.len();
    while rest > 127 {
        out.push((rest & 0x7F) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
    out.extend_from_slice(body);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_reads_back_what_it_stamped() {
        let template = Template::new("t/1", 1, 64);
        let stamp = Stamp { flow: 7, seq: 65_535, sent_ns: 1 << 40 };
        let mut out = Vec::new();
        template.push(&mut out, &stamp);
        let (packet, len) = read_packet(&out).unwrap().unwrap();
        assert_eq!(len, out.len());
        let Packet::Publish { qos: 1, id: 1, payload } = packet else { panic!("{packet:?}") };
        assert_eq!(payload.len(), 64);
        assert_eq!(template.read(payload), Some(stamp));
    }

    #[test]
    fn connect_brings_a_user_or_none() {
        let plain = connect("c", 9, None);
        assert_eq!(plain, b"\x10\x0d\0\x04MQTT\x04\x02\0\x09\0\x01c");
        let named = connect("c", 9, Some(("u", "pw")));
        assert_eq!(named, b"\x10\x14\0\x04MQTT\x04\xc2\0\x09\0\x01c\0\x01u\0\x02pw");
    }

    #[test]
    fn damage_is_seen() {
        let template = Template::new("t", 0, 64);
        let mut out = Vec::new();
        template.push(&mut out, &Stamp { flow: 0, seq: 0, sent_ns: 0 });
        let last = out.len() - 1;
        assert!(template.read(&out[out.len() - 63..]).is_none());
        out[last] ^= 1;
        assert!(template.read(&out[out.len() - 64..]).is_none());
    }

    #[test]
    fn a_split_packet_waits_for_the_rest() {
        let mut out = Vec::new();
        Template::new("t", 2, 1024).push(&mut out, &Stamp { flow: 0, seq: 0, sent_ns: 0 });
        for end in 0..out.len() {
            assert!(read_packet(&out[..end]).unwrap().is_none(), "{end}");
        }
        assert!(read_packet(&out).unwrap().is_some());
    }

    #[test]
    fn what_a_broker_may_not_send_is_a_fault() {
        assert!(read_packet(&[0x10, 0]).is_err());
        assert!(read_packet(&[0x36, 4, 0, 0, 0, 1]).is_err());
        assert!(read_packet(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF]).is_err());
        assert!(read_packet(&[0x30, 2, 0, 9]).is_err());
    }
}
