//! Envelopes, recipients and their states as octets: small, and able to grow.
//!
//! Numbers are LEB128, texts carry their length. Every part that may grow is a section with its length in front: a reader takes
//! the fields it knows and skips the rest, so the next version can read this one's records and the other way round.
//! Promises: what was written comes back equal (times to the nanosecond between 1677 and 2262, clamped beyond).
//! Reading never panics; octets that make no sense are [`Unreadable`].

use super::{Envelope, Recipient, RecipientState};
use jiff::Timestamp;
use mail::Address;
use mail::smtp::{BodyType, EnhancedCode, Notify, OriginalRecipient, Reply, Ret};
use risk::Class;
use trace::{Id, Scope};

/// The octets are not what this code or an earlier version wrote. The disk or a later version caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

type Read<T> = Result<T, Unreadable>;

/// Appends to a buffer.
#[derive(Debug, Default)]
pub(super) struct Encoder(pub(super) Vec<u8>);

impl Encoder {
    pub(super) fn octet(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(super) fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// Zigzag, so that small negative numbers are short too.
    pub(super) fn signed(&mut self, value: i64) {
        self.number(((value << 1) ^ (value >> 63)) as u64);
    }

    pub(super) fn octets(&mut self, value: &[u8]) {
        self.number(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    fn optional_text(&mut self, value: Option<&str>) {
        self.octet(value.is_some().into());
        if let Some(text) = value {
            self.octets(text.as_bytes());
        }
    }

    /// A part with its length in front.
    pub(super) fn section(&mut self, write: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        write(self);
        let mut prefix = Self::default();
        prefix.number((self.0.len() - start) as u64);
        self.0.splice(start..start, prefix.0);
    }
}

/// Reads from octets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decoder<'a>(pub(super) &'a [u8]);

impl<'a> Decoder<'a> {
    pub(super) fn octet(&mut self) -> Read<u8> {
        let (first, rest) = self.0.split_first().ok_or(Unreadable)?;
        self.0 = rest;
        Ok(*first)
    }

    pub(super) fn number(&mut self) -> Read<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let octet = self.octet()?;
            value |= u64::from(octet & 0x7f) << shift;
            if octet < 0x80 {
                return Ok(value);
            }
        }
        Err(Unreadable)
    }

    pub(super) fn small<T: TryFrom<u64>>(&mut self) -> Read<T> {
        T::try_from(self.number()?).map_err(|_| Unreadable)
    }

    pub(super) fn signed(&mut self) -> Read<i64> {
        let value = self.number()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    pub(super) fn octets(&mut self) -> Read<&'a [u8]> {
        let count = self.small::<usize>()?;
        let (head, rest) = self.0.split_at_checked(count).ok_or(Unreadable)?;
        self.0 = rest;
        Ok(head)
    }

    pub(super) fn section(&mut self) -> Read<Self> {
        self.octets().map(Self)
    }

    fn text(&mut self) -> Read<&'a str> {
        std::str::from_utf8(self.octets()?).map_err(|_| Unreadable)
    }

    fn optional_text(&mut self) -> Read<Option<&'a str>> {
        Ok(if self.flag()? { Some(self.text()?) } else { None })
    }

    fn flag(&mut self) -> Read<bool> {
        Ok(self.octet()? != 0)
    }
}

/// Nanoseconds since 1970, clamped to what 64 bits hold.
pub(super) fn nanoseconds(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(if at < Timestamp::UNIX_EPOCH {
        i64::MIN
    } else {
        i64::MAX
    })
}

/// The time again.
pub(super) fn timestamp(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(nanoseconds.into()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// What never changes of a message: the envelope (without its id), then the recipients without their states.
pub(super) fn write_known(envelope: &Envelope, recipients: &[Recipient], out: &mut Encoder) {
    out.section(|out| write_envelope(envelope, out));
    out.number(recipients.len() as u64);
    for recipient in recipients {
        out.section(|out| write_recipient(recipient, out));
    }
}

fn write_envelope(envelope: &Envelope, out: &mut Encoder) {
    out.signed(nanoseconds(envelope.arrived));
    out.signed(nanoseconds(envelope.expires));
    out.optional_text(envelope.reverse_path.as_ref().map(Address::as_str));
    out.octet(match envelope.ret {
        None => 0,
        Some(Ret::Full) => 1,
        Some(Ret::Hdrs) => 2,
    });
    out.optional_text(envelope.envid.as_deref());
    out.octet(match envelope.body {
        None => 0,
        Some(BodyType::SevenBit) => 1,
        Some(BodyType::EightBitMime) => 2,
        Some(BodyType::BinaryMime) => 3,
    });
    out.octet(envelope.smtputf8.into());
    for text in [
        &envelope.scope.tenant,
        &envelope.scope.domain,
        &envelope.scope.sender,
        &envelope.pool,
    ] {
        out.octets(text.as_bytes());
    }
    out.octet(match envelope.class {
        Class::Clean => 0,
        Class::Suspect => 1,
        Class::Spam => 2,
        Class::Malware => 3,
    });
    out.number(envelope.size_octets);
}

/// Reads the envelope at the start of the known part.
pub(super) fn read_envelope(id: Id, known: &[u8]) -> Read<Envelope> {
    let mut input = Decoder(known).section()?;
    let arrived = timestamp(input.signed()?);
    let expires = timestamp(input.signed()?);
    let reverse_path = input.optional_text()?.map(address).transpose()?;
    let ret = match input.octet()? {
        0 => None,
        1 => Some(Ret::Full),
        2 => Some(Ret::Hdrs),
        _ => return Err(Unreadable),
    };
    let envid = input.optional_text()?.map(str::to_owned);
    let body = match input.octet()? {
        0 => None,
        1 => Some(BodyType::SevenBit),
        2 => Some(BodyType::EightBitMime),
        3 => Some(BodyType::BinaryMime),
        _ => return Err(Unreadable),
    };
    let smtputf8 = input.flag()?;
    let (tenant, domain, sender) = (input.text()?.into(), input.text()?.into(), input.text()?.into());
    let scope = Scope {
        tenant,
        domain,
        sender,
    };
    let pool = input.text()?.to_owned();
    let class = match input.octet()? {
        0 => Class::Clean,
        1 => Class::Suspect,
        2 => Class::Spam,
        3 => Class::Malware,
        _ => return Err(Unreadable),
    };
    let size_octets = input.number()?;
    Ok(Envelope {
        id,
        arrived,
        expires,
        reverse_path,
        ret,
        envid,
        body,
        smtputf8,
        scope,
        class,
        pool,
        size_octets,
    })
}

fn address(text: &str) -> Read<Address> {
    Address::parse(text).map_err(|_| Unreadable)
}

fn write_recipient(recipient: &Recipient, out: &mut Encoder) {
    out.octets(recipient.forward_path.as_str().as_bytes());
    let notify = recipient.notify.map_or(0, |notify| {
        1 | u8::from(notify.success) << 1 | u8::from(notify.failure) << 2 | u8::from(notify.delay) << 3
    });
    out.octet(notify | u8::from(recipient.orcpt.is_some()) << 4);
    if let Some(orcpt) = &recipient.orcpt {
        out.octets(orcpt.addr_type.as_bytes());
        out.octets(orcpt.address.as_bytes());
    }
}

/// The recipients of a known part, one after the other, without states. Ends early when the octets make no sense.
pub(super) fn read_recipients(known: &[u8]) -> impl Iterator<Item = Read<Recipient>> {
    let mut input = Decoder(known);
    let count = input.section().and_then(|_| input.number()).unwrap_or(0);
    (0..count).map_while(move |_| input.section().ok().map(read_recipient))
}

fn read_recipient(mut input: Decoder<'_>) -> Read<Recipient> {
    let forward_path = address(input.text()?)?;
    let flags = input.octet()?;
    let bit = |at: u8| flags >> at & 1 == 1;
    let notify = bit(0).then_some(Notify {
        success: bit(1),
        failure: bit(2),
        delay: bit(3),
    });
    let orcpt = if bit(4) {
        Some(OriginalRecipient {
            addr_type: input.text()?.to_owned(),
            address: input.text()?.to_owned(),
        })
    } else {
        None
    };
    let state = RecipientState::Scheduled {
        due: Timestamp::UNIX_EPOCH,
    };
    Ok(Recipient {
        forward_path,
        orcpt,
        notify,
        state,
        attempts: 0,
        last_reply: None,
        delay_notified: false,
    })
}

/// The texts that belong to a state: why it is held, and the last reply.
pub(super) fn write_note(reason: Option<&str>, reply: Option<&Reply>) -> Option<Box<[u8]>> {
    if reason.is_none() && reply.is_none() {
        return None;
    }
    let mut out = Encoder::default();
    out.optional_text(reason);
    if let Some(reply) = reply {
        out.number(reply.code.into());
        out.octet(reply.enhanced.is_some().into());
        if let Some(enhanced) = reply.enhanced {
            out.octet(enhanced.class);
            out.number(enhanced.subject.into());
            out.number(enhanced.detail.into());
        }
        out.number(reply.lines.len() as u64);
        for line in &reply.lines {
            out.octets(line.as_bytes());
        }
    }
    Some(out.0.into())
}

/// Reads a note: reason, reply.
pub(super) fn read_note(note: &[u8]) -> Read<(Option<String>, Option<Reply>)> {
    let mut input = Decoder(note);
    let reason = input.optional_text()?.map(str::to_owned);
    if input.0.is_empty() {
        return Ok((reason, None));
    }
    let code = input.small()?;
    let enhanced = if input.flag()? {
        Some(EnhancedCode {
            class: input.octet()?,
            subject: input.small()?,
            detail: input.small()?,
        })
    } else {
        None
    };
    let mut lines = Vec::new();
    for _ in 0..input.number()? {
        lines.push(input.text()?.to_owned());
    }
    Ok((
        reason,
        Some(Reply {
            code,
            enhanced,
            lines,
        }),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(reverse_path: Option<&str>, ret: Option<Ret>, body: Option<BodyType>) -> Envelope {
        Envelope {
            id: Id::from_u64(77),
            arrived: timestamp(1_790_000_000_123_456_789),
            expires: timestamp(-5),
            reverse_path: reverse_path.map(|text| Address::parse(text).unwrap()),
            ret,
            envid: ret.map(|_| "QQ314159".to_owned()),
            body,
            smtputf8: body.is_some(),
            scope: Scope {
                tenant: "acme".into(),
                domain: "example.com".into(),
                sender: "mailbox:a@example.com".into(),
            },
            class: Class::Suspect,
            pool: "risk".into(),
            size_octets: u64::MAX,
        }
    }

    fn recipient(path: &str, notify: Option<Notify>, orcpt: Option<&str>) -> Recipient {
        Recipient {
            forward_path: Address::parse(path).unwrap(),
            orcpt: orcpt.map(|text| OriginalRecipient {
                addr_type: "rfc822".into(),
                address: text.into(),
            }),
            notify,
            state: RecipientState::Scheduled {
                due: Timestamp::UNIX_EPOCH,
            },
            attempts: 0,
            last_reply: None,
            delay_notified: false,
        }
    }

    #[test]
    fn known_parts_come_back_equal() {
        let recipients = [
            recipient("b@example.org", None, None),
            recipient(
                "c@example.org",
                Some(Notify {
                    success: true,
                    failure: false,
                    delay: true,
                }),
                Some("c@old.example"),
            ),
            recipient(
                "d@example.org",
                Some(Notify {
                    success: false,
                    failure: false,
                    delay: false,
                }),
                None,
            ),
        ];
        for envelope in [
            envelope(None, None, None),
            envelope(Some("a@example.com"), Some(Ret::Full), Some(BodyType::SevenBit)),
            envelope(
                Some("\"a b\"@example.com"),
                Some(Ret::Hdrs),
                Some(BodyType::EightBitMime),
            ),
        ] {
            let mut out = Encoder::default();
            write_known(&envelope, &recipients, &mut out);
            assert_eq!(read_envelope(envelope.id, &out.0).unwrap(), envelope);
            assert_eq!(
                read_recipients(&out.0).collect::<Read<Vec<_>>>().unwrap(),
                recipients
            );
        }
    }

    #[test]
    fn fields_of_a_later_version_are_skipped() {
        let known = envelope(None, None, None);
        let mut out = Encoder::default();
        out.section(|out| {
            write_envelope(&known, out);
            out.octets(b"a field that is not known yet");
        });
        assert_eq!(read_envelope(known.id, &out.0).unwrap(), known);
    }

    #[test]
    fn notes_come_back_equal() {
        let replies = [
            None,
            Some(Reply {
                code: 451,
                enhanced: None,
                lines: vec!["later".into(), "much later".into()],
            }),
            Some(Reply {
                code: 550,
                enhanced: Some(EnhancedCode {
                    class: 5,
                    subject: 7,
                    detail: 711,
                }),
                lines: vec![String::new()],
            }),
        ];
        for reason in [None, Some("looked at by the postmaster")] {
            for reply in &replies {
                let note = write_note(reason, reply.as_ref());
                assert_eq!(note.is_none(), reason.is_none() && reply.is_none());
                if let Some(note) = note {
                    assert_eq!(
                        read_note(&note).unwrap(),
                        (reason.map(str::to_owned), reply.clone())
                    );
                }
            }
        }
    }

    #[test]
    fn nonsense_is_an_error_and_never_a_panic() {
        let mut out = Encoder::default();
        write_known(
            &envelope(Some("a@example.com"), Some(Ret::Full), None),
            &[recipient("b@example.org", None, Some("x@y.example"))],
            &mut out,
        );
        for cut in 0..out.0.len() {
            let cut = &out.0[..cut];
            let whole = read_envelope(Id::from_u64(1), cut).is_ok()
                && read_recipients(cut).filter(Result::is_ok).count() == 1;
            assert!(!whole, "{} octets", cut.len());
        }
        assert_eq!(Decoder(&[0xff; 11]).number(), Err(Unreadable));
        assert!(read_note(&[1, 200]).is_err());
    }
}
