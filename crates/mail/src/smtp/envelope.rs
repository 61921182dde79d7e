//! MAIL and RCPT: paths and parameters, read from a client and written to a next hop.
//!
//! Promises: a parameter is taken once, known and valid, or the command is refused; what is written is made anew from the
//! parsed values, so nothing of a client's line reaches the next hop as it was sent.
//! Standards: RFC 5321 §4.1.1.2, §4.1.1.3, §4.1.1.11, RFC 1870, 6152, 3030, 6531, 3461 §4, 4954 §5, 6533 §3.

use super::ehlo::Extensions;
use super::reply::Reply;
use super::xtext;
use crate::Address;
use crate::address::{AddressError, is_domain};
use serde::{Deserialize, Serialize};

/// Octets of ENVID as sent (RFC 3461 §4.4).
pub const ENVID_OCTETS_MAX: usize = 100;
/// Octets of ORCPT as sent (RFC 3461 §4.2).
pub const ORCPT_OCTETS_MAX: usize = 500;

/// MAIL FROM with its parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailCommand {
    /// None is the null reverse-path `<>`.
    pub reverse_path: Option<Address>,
    /// SIZE= (RFC 1870); a value above u64 is a syntax error.
    pub size_octets: Option<u64>,
    /// BODY= (RFC 6152, 3030).
    pub body: Option<BodyType>,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// RET= (RFC 3461).
    pub ret: Option<Ret>,
    /// ENVID= (RFC 3461), decoded from xtext, printable ASCII, at most 100 octets.
    pub envid: Option<String>,
    /// AUTH= (RFC 4954), decoded from xtext, `<>` kept; never an identity.
    pub auth: Option<String>,
}

/// RCPT TO with its parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RcptCommand {
    /// The forward-path. `<postmaster>` without domain is given as `None`. Source routes are dropped (RFC 5321 §4.1.1.3).
    pub forward_path: Option<Address>,
    /// NOTIFY= (RFC 3461).
    pub notify: Option<Notify>,
    /// ORCPT= (RFC 3461), decoded from xtext.
    pub orcpt: Option<OriginalRecipient>,
}

/// BODY= of RFC 6152 and RFC 3030.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyType {
    /// 7BIT.
    SevenBit,
    /// 8BITMIME.
    EightBitMime,
    /// BINARYMIME is refused by the server; kept for the parser's completeness.
    BinaryMime,
}

/// RET= of RFC 3461: what of the message a DSN returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ret {
    /// The whole message.
    Full,
    /// Header fields only.
    Hdrs,
}

/// NOTIFY= of RFC 3461. All false means NEVER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// SUCCESS.
    pub success: bool,
    /// FAILURE.
    pub failure: bool,
    /// DELAY.
    pub delay: bool,
}

/// ORCPT= of RFC 3461: address type and decoded address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginalRecipient {
    /// For example `rfc822`.
    pub addr_type: String,
    /// Decoded from xtext; printable.
    pub address: String,
}

/// What an angle-bracketed path holds.
enum Path {
    Null,
    /// A local part without domain: `postmaster`.
    Postmaster,
    Mailbox(Address),
}

/// Reads what stands behind `MAIL `.
pub(super) fn mail(argument: &[u8]) -> Result<MailCommand, Reply> {
    let (path, rest) = path_and_rest(argument, b"FROM:", &SENDER)?;
    let reverse_path = match path {
        Path::Null => None,
        Path::Mailbox(address) => Some(address),
        Path::Postmaster => return Err(SENDER.bad(AddressError::Syntax)),
    };
    let mut command = MailCommand {
        reverse_path,
        ..MailCommand::default()
    };
    for parameter in parameters(rest)? {
        mail_parameter(&mut command, parameter)?;
    }
    if !command.smtputf8
        && command
            .reverse_path
            .as_ref()
            .is_some_and(|address| !address.is_ascii())
    {
        return Err(Reply::new(553, (5, 6, 7), "This address needs SMTPUTF8"));
    }
    Ok(command)
}

/// Reads what stands behind `RCPT `.
pub(super) fn rcpt(argument: &[u8]) -> Result<RcptCommand, Reply> {
    let (path, rest) = path_and_rest(argument, b"TO:", &RECIPIENT)?;
    let forward_path = match path {
        Path::Null => return Err(RECIPIENT.bad(AddressError::Syntax)),
        Path::Postmaster => None,
        Path::Mailbox(address) => Some(address),
    };
    let mut command = RcptCommand {
        forward_path,
        notify: None,
        orcpt: None,
    };
    for parameter in parameters(rest)? {
        rcpt_parameter(&mut command, parameter)?;
    }
    Ok(command)
}

/// How the two sides are named in refusals (RFC 3463 §3.2).
struct Side {
    enhanced: (u8, u16, u16),
    form: &'static str,
    syntax: &'static str,
    too_long: &'static str,
    not_utf8: &'static str,
}

const SENDER: Side = Side {
    enhanced: (5, 1, 7),
    form: "Syntax: MAIL FROM:<address>",
    syntax: "The sender address is not valid",
    too_long: "The sender address is too long",
    not_utf8: "The sender address is not valid UTF-8",
};

const RECIPIENT: Side = Side {
    enhanced: (5, 1, 3),
    form: "Syntax: RCPT TO:<address>",
    syntax: "The recipient address is not valid",
    too_long: "The recipient address is too long",
    not_utf8: "The recipient address is not valid UTF-8",
};

impl Side {
    fn bad(&self, error: AddressError) -> Reply {
        let text = match error {
            AddressError::Syntax => self.syntax,
            AddressError::TooLong => self.too_long,
            AddressError::NotUtf8 => self.not_utf8,
        };
        Reply::new(501, self.enhanced, text)
    }
}

fn path_and_rest<'a>(argument: &'a [u8], keyword: &[u8], side: &Side) -> Result<(Path, &'a [u8]), Reply> {
    let form = || Reply::syntax(side.form);
    let (head, rest) = argument.split_at_checked(keyword.len()).ok_or_else(form)?;
    if !head.eq_ignore_ascii_case(keyword) {
        return Err(form());
    }
    // One blank behind the colon is not in the grammar, but common in devices and scripts.
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let inside = rest.strip_prefix(b"<").ok_or_else(form)?;
    let end = path_end(inside).ok_or_else(|| side.bad(AddressError::Syntax))?;
    let path = path(&inside[..end]).map_err(|error| side.bad(error))?;
    let after = &inside[end + 1..];
    if after.is_empty() || after.starts_with(b" ") {
        Ok((path, after))
    } else {
        Err(form())
    }
}

/// The offset of the `>` that ends a path; one inside a quoted string does not.
fn path_end(inside: &[u8]) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    inside.iter().position(|octet| {
        let ends = !quoted && *octet == b'>';
        quoted ^= !escaped && *octet == b'"';
        escaped = quoted && !escaped && *octet == b'\\';
        ends
    })
}

fn path(inside: &[u8]) -> Result<Path, AddressError> {
    if inside.is_empty() {
        return Ok(Path::Null);
    }
    if inside.eq_ignore_ascii_case(b"postmaster") {
        return Ok(Path::Postmaster);
    }
    let mailbox = if inside[0] == b'@' {
        without_route(inside)?
    } else {
        inside
    };
    Address::parse_bytes(mailbox).map(Path::Mailbox)
}

/// Drops a source route `@one,@two:` (RFC 5321 §4.1.1.3 and appendix C), which must still be well formed.
fn without_route(inside: &[u8]) -> Result<&[u8], AddressError> {
    let colon = memchr::memchr(b':', inside).ok_or(AddressError::Syntax)?;
    let route = std::str::from_utf8(&inside[..colon]).map_err(|_| AddressError::NotUtf8)?;
    let hop = |hop: &str| hop.strip_prefix('@').is_some_and(is_domain);
    if route.split(',').all(hop) {
        Ok(&inside[colon + 1..])
    } else {
        Err(AddressError::Syntax)
    }
}

/// `KEYWORD` or `KEYWORD=value`, the keyword as sent.
#[derive(Clone, Copy)]
struct Parameter<'a> {
    keyword: &'a str,
    value: Option<&'a str>,
}

/// One to twenty digits that fit.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let digits = (1..=20).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// Splits the parameters behind a path (RFC 5321 §4.1.2, `Mail-parameters`). Their number is bounded by the line.
fn parameters(rest: &[u8]) -> Result<impl Iterator<Item = Parameter<'_>>, Reply> {
    if !rest.is_ascii() {
        return Err(Reply::syntax("Only ASCII is allowed in parameters"));
    }
    let rest = std::str::from_utf8(rest).map_err(|_| Reply::syntax("Only ASCII is allowed in parameters"))?;
    Ok(rest
        .split(' ')
        .filter(|word| !word.is_empty())
        .map(|word| match word.split_once('=') {
            Some((keyword, value)) => Parameter {
                keyword,
                value: Some(value),
            },
            None => Parameter {
                keyword: word,
                value: None,
            },
        }))
}

/// Sets a parameter that may be given once.
fn once<T>(place: &mut Option<T>, value: Option<T>, refusal: &'static str) -> Result<(), Reply> {
    let value = value.ok_or_else(|| Reply::syntax(refusal))?;
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Reply::syntax("A parameter is given twice")),
    }
}

fn unknown_parameter() -> Reply {
    Reply::new(555, (5, 5, 4), "A parameter is not recognized")
}

fn mail_parameter(command: &mut MailCommand, parameter: Parameter<'_>) -> Result<(), Reply> {
    let is = |name: &str| parameter.keyword.eq_ignore_ascii_case(name);
    let value = parameter.value;
    if is("SIZE") {
        once(
            &mut command.size_octets,
            value.and_then(decimal),
            "SIZE is not a number that fits",
        )
    } else if is("BODY") {
        once(
            &mut command.body,
            value.and_then(body),
            "BODY is 7BIT, 8BITMIME or BINARYMIME",
        )
    } else if is("SMTPUTF8") {
        let mut place = command.smtputf8.then_some(());
        once(
            &mut place,
            value.is_none().then_some(()),
            "SMTPUTF8 takes no value",
        )?;
        command.smtputf8 = true;
        Ok(())
    } else if is("RET") {
        once(&mut command.ret, value.and_then(ret), "RET is FULL or HDRS")
    } else if is("ENVID") {
        once(&mut command.envid, value.and_then(envid), "ENVID is not valid")
    } else if is("AUTH") {
        once(&mut command.auth, value.and_then(auth), "AUTH= is not valid")
    } else {
        Err(unknown_parameter())
    }
}

fn rcpt_parameter(command: &mut RcptCommand, parameter: Parameter<'_>) -> Result<(), Reply> {
    let is = |name: &str| parameter.keyword.eq_ignore_ascii_case(name);
    let value = parameter.value;
    if is("NOTIFY") {
        let refusal = "NOTIFY is NEVER or a list of SUCCESS, FAILURE, DELAY";
        once(&mut command.notify, value.and_then(notify), refusal)
    } else if is("ORCPT") {
        once(&mut command.orcpt, value.and_then(orcpt), "ORCPT is not valid")
    } else {
        Err(unknown_parameter())
    }
}

fn body(value: &str) -> Option<BodyType> {
    let is = |name: &str| value.eq_ignore_ascii_case(name);
    match () {
        () if is("7BIT") => Some(BodyType::SevenBit),
        () if is("8BITMIME") => Some(BodyType::EightBitMime),
        () if is("BINARYMIME") => Some(BodyType::BinaryMime),
        () => None,
    }
}

fn ret(value: &str) -> Option<Ret> {
    let is = |name: &str| value.eq_ignore_ascii_case(name);
    match () {
        () if is("FULL") => Some(Ret::Full),
        () if is("HDRS") => Some(Ret::Hdrs),
        () => None,
    }
}

fn envid(value: &str) -> Option<String> {
    let bounded = (1..=ENVID_OCTETS_MAX).contains(&value.len());
    xtext::decode(value).filter(|decoded| bounded && decoded.is_ascii())
}

fn auth(value: &str) -> Option<String> {
    xtext::decode(value).filter(|decoded| !decoded.is_empty())
}

fn notify(value: &str) -> Option<Notify> {
    let mut notify = Notify {
        success: false,
        failure: false,
        delay: false,
    };
    if value.eq_ignore_ascii_case("NEVER") {
        return Some(notify);
    }
    for word in value.split(',') {
        let place = match () {
            () if word.eq_ignore_ascii_case("SUCCESS") => &mut notify.success,
            () if word.eq_ignore_ascii_case("FAILURE") => &mut notify.failure,
            () if word.eq_ignore_ascii_case("DELAY") => &mut notify.delay,
            () => return None,
        };
        if std::mem::replace(place, true) {
            return None;
        }
    }
    Some(notify)
}

fn orcpt(value: &str) -> Option<OriginalRecipient> {
    let (addr_type, encoded) = value
        .split_once(';')
        .filter(|_| value.len() <= ORCPT_OCTETS_MAX)?;
    let atom = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
    let decoded = xtext::decode(encoded)?;
    let utf8 = addr_type.eq_ignore_ascii_case("utf-8");
    let address = if utf8 {
        xtext::decode_utf8_address(&decoded)?
    } else {
        decoded
    };
    let valid = !addr_type.is_empty() && addr_type.bytes().all(atom) && !address.is_empty();
    valid.then(|| OriginalRecipient {
        addr_type: addr_type.to_owned(),
        address,
    })
}

impl MailCommand {
    /// Writes `MAIL FROM:<...>` with those parameters that the next hop's EHLO offered; no line end.
    pub fn write(&self, offered: &Extensions) -> String {
        let mut out = String::from("MAIL FROM:<");
        out.push_str(self.reverse_path.as_ref().map_or("", Address::as_str));
        out.push('>');
        if let (Some(size), Some(_)) = (self.size_octets, offered.size) {
            out.push_str(&format!(" SIZE={size}"));
        }
        match self.body.filter(|_| offered.eight_bit_mime) {
            Some(BodyType::SevenBit) => out.push_str(" BODY=7BIT"),
            Some(BodyType::EightBitMime) => out.push_str(" BODY=8BITMIME"),
            Some(BodyType::BinaryMime) | None => {}
        }
        if self.smtputf8 && offered.smtputf8 {
            out.push_str(" SMTPUTF8");
        }
        if offered.dsn {
            match self.ret {
                Some(Ret::Full) => out.push_str(" RET=FULL"),
                Some(Ret::Hdrs) => out.push_str(" RET=HDRS"),
                None => {}
            }
            if let Some(envid) = &self.envid {
                out.push_str(&format!(" ENVID={}", xtext::encode(envid)));
            }
        }
        if let Some(auth) = self.auth.as_ref().filter(|_| !offered.auth.is_empty()) {
            out.push_str(&format!(" AUTH={}", xtext::encode(auth)));
        }
        out
    }
}

impl RcptCommand {
    /// Writes `RCPT TO:<...>` with those parameters that the next hop's EHLO offered; no line end.
    pub fn write(&self, offered: &Extensions) -> String {
        let mut out = String::from("RCPT TO:<");
        out.push_str(self.forward_path.as_ref().map_or("postmaster", Address::as_str));
        out.push('>');
        if offered.dsn {
            if let Some(notify) = self.notify {
                out.push_str(&format!(" NOTIFY={}", notify_value(notify)));
            }
            if let Some(orcpt) = &self.orcpt {
                let utf8 = orcpt.addr_type.eq_ignore_ascii_case("utf-8");
                let encode = if utf8 {
                    xtext::encode_utf8_address
                } else {
                    xtext::encode
                };
                out.push_str(&format!(" ORCPT={};{}", orcpt.addr_type, encode(&orcpt.address)));
            }
        }
        out
    }
}

fn notify_value(notify: Notify) -> String {
    let words = [
        (notify.success, "SUCCESS"),
        (notify.failure, "FAILURE"),
        (notify.delay, "DELAY"),
    ];
    let given: Vec<&str> = words
        .iter()
        .filter(|(given, _)| *given)
        .map(|(_, word)| *word)
        .collect();
    if given.is_empty() {
        "NEVER".to_owned()
    } else {
        given.join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_offered() -> Extensions {
        Extensions {
            eight_bit_mime: true,
            smtputf8: true,
            dsn: true,
            size: Some(None),
            auth: vec!["PLAIN".into()],
            ..Extensions::default()
        }
    }

    /// Reads `line`, writes it with everything offered and with nothing.
    fn check_mail(line: &str, full: &str, plain: &str) {
        let command = mail(line.as_bytes()).unwrap_or_else(|reply| panic!("{line:?}: {reply}"));
        assert_eq!(command.write(&all_offered()), full);
        assert_eq!(command.write(&Extensions::default()), plain);
    }

    fn check_rcpt(line: &str, full: &str, plain: &str) {
        let command = rcpt(line.as_bytes()).unwrap_or_else(|reply| panic!("{line:?}: {reply}"));
        assert_eq!(command.write(&all_offered()), full);
        assert_eq!(command.write(&Extensions::default()), plain);
    }

    #[test]
    fn mail_read_and_written() {
        check_mail("FROM:<>", "MAIL FROM:<>", "MAIL FROM:<>");
        check_mail("from: <A@b.C>", "MAIL FROM:<A@b.C>", "MAIL FROM:<A@b.C>");
        check_mail(
            "FROM:<\"a> b\"@c>",
            "MAIL FROM:<\"a> b\"@c>",
            "MAIL FROM:<\"a> b\"@c>",
        );
        check_mail(
            "FROM:<\"a\\\">\"@c>",
            "MAIL FROM:<\"a\\\">\"@c>",
            "MAIL FROM:<\"a\\\">\"@c>",
        );
        check_mail("FROM:<@x.y,@z.w:a@b>", "MAIL FROM:<a@b>", "MAIL FROM:<a@b>");
        check_mail(
            "FROM:<ü@ü.example> SMTPUTF8",
            "MAIL FROM:<ü@ü.example> SMTPUTF8",
            "MAIL FROM:<ü@ü.example>",
        );
        check_mail(
            "FROM:<a@b> size=10  body=8bitmime ret=hdrs envid=q+2b AUTH=<> SMTPUTF8",
            "MAIL FROM:<a@b> SIZE=10 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=q+2B AUTH=<>",
            "MAIL FROM:<a@b>",
        );
        check_mail(
            "FROM:<> BODY=7BIT RET=FULL AUTH=a+2Bb@c",
            "MAIL FROM:<> BODY=7BIT RET=FULL AUTH=a+2Bb@c",
            "MAIL FROM:<>",
        );
    }

    #[test]
    fn rcpt_read_and_written() {
        check_rcpt("TO:<a@b>", "RCPT TO:<a@b>", "RCPT TO:<a@b>");
        check_rcpt("to:<PostMaster>", "RCPT TO:<postmaster>", "RCPT TO:<postmaster>");
        check_rcpt(
            "TO:<@x.y:a@[IPv6:::1]>",
            "RCPT TO:<a@[IPv6:::1]>",
            "RCPT TO:<a@[IPv6:::1]>",
        );
        check_rcpt(
            "TO:<a@b> NOTIFY=never",
            "RCPT TO:<a@b> NOTIFY=NEVER",
            "RCPT TO:<a@b>",
        );
        check_rcpt(
            "TO:<a@b> ORCPT=rfc822;a+2Bx@b NOTIFY=DELAY,FAILURE",
            "RCPT TO:<a@b> NOTIFY=FAILURE,DELAY ORCPT=rfc822;a+2Bx@b",
            "RCPT TO:<a@b>",
        );
        check_rcpt(
            "TO:<a@b> ORCPT=utf-8;\\x{FC}@b",
            "RCPT TO:<a@b> ORCPT=utf-8;\\x{FC}@b",
            "RCPT TO:<a@b>",
        );
    }

    fn refuse(line: &[u8], code: u16, enhanced: (u8, u16, u16)) {
        let reply = if line.starts_with(b"TO") {
            rcpt(line).map(|_| ())
        } else {
            mail(line).map(|_| ())
        };
        let reply = reply.expect_err(&line.escape_ascii().to_string());
        let text = reply.lines.concat();
        assert_eq!(reply, Reply::new(code, enhanced, text), "{}", line.escape_ascii());
    }

    #[test]
    fn paths_refused() {
        for line in [
            "FROM:a@b",
            "FROM",
            "FROM:",
            "",
            "FROM <a@b>",
            "FROM:  <a@b>",
            "FROM:<a@b>SIZE=1",
            "FROM:<a@b>>",
        ] {
            refuse(line.as_bytes(), 501, (5, 5, 4));
        }
        for line in [
            "FROM:<a@b",
            "FROM:<a>",
            "FROM:<postmaster>",
            "FROM:< a@b>",
            "FROM:<a@b >",
            "FROM:<@x:a>",
            "FROM:<\"a>",
        ] {
            refuse(line.as_bytes(), 501, (5, 1, 7));
        }
        for line in [
            "FROM:<@x>",
            "FROM:<@x,y:a@b>",
            "FROM:<x:a@b>",
            "FROM:<@-x:a@b>",
            "FROM:<a@b.>",
            "FROM:<<a@b>>",
        ] {
            refuse(line.as_bytes(), 501, (5, 1, 7));
        }
        refuse(b"FROM:<\xff@b>", 501, (5, 1, 7));
        refuse(format!("FROM:<{}@b>", "a".repeat(65)).as_bytes(), 501, (5, 1, 7));
        refuse("FROM:<ü@b>".as_bytes(), 553, (5, 6, 7));
        for line in [
            "TO:<>",
            "TO:<a>",
            "TO:<a@b@c>",
            "TO:<a@b,c@d>",
            "TO:<a!b>",
            "TO:<a b@c>",
            "TO:<a@b",
        ] {
            refuse(line.as_bytes(), 501, (5, 1, 3));
        }
        refuse(b"TO:<\"a\xff\"@b>", 501, (5, 1, 3));
    }

    #[test]
    fn parameters_refused() {
        for parameters in [
            "SIZE",
            "SIZE=",
            "SIZE=x",
            "SIZE=-1",
            "SIZE=18446744073709551616",
            "SIZE=1=2",
            "SIZE=1 SIZE=1",
            "BODY",
            "BODY=9BIT",
            "SMTPUTF8=1",
            "SMTPUTF8 SMTPUTF8",
            "RET",
            "RET=ALL",
            "ENVID=",
            "ENVID=+0D+0A",
            "ENVID=+C3+BC",
            "ENVID=ü",
            "AUTH",
            "AUTH=",
            "AUTH=a+0Ab",
            "AUTH=a=b",
            "RET=FULL RET=HDRS",
        ] {
            refuse(format!("FROM:<a@b> {parameters}").as_bytes(), 501, (5, 5, 4));
        }
        refuse(
            format!("FROM:<a@b> ENVID={}", "x".repeat(101)).as_bytes(),
            501,
            (5, 5, 4),
        );
        for parameters in [
            "NOTIFY",
            "NOTIFY=",
            "NOTIFY=NEVER,DELAY",
            "NOTIFY=DELAY,NEVER",
            "NOTIFY=DELAY,DELAY",
            "NOTIFY=ALWAYS",
            "ORCPT",
            "ORCPT=",
            "ORCPT=a@b",
            "ORCPT=rfc822;",
            "ORCPT=;a@b",
            "ORCPT=rfc822;a+0D+0Ab",
            "ORCPT=r c;a",
            "ORCPT=rfc822;a+00b",
            "ORCPT=r_c;a",
            "NOTIFY=NEVER NOTIFY=NEVER",
            "ORCPT=utf-8;\\x{A}",
        ] {
            refuse(format!("TO:<a@b> {parameters}").as_bytes(), 501, (5, 5, 4));
        }
        refuse(
            format!("TO:<a@b> ORCPT=rfc822;{}", "x".repeat(500)).as_bytes(),
            501,
            (5, 5, 4),
        );
        for line in [
            "FROM:<a@b> X",
            "FROM:<a@b> HOLDFOR=9",
            "FROM:<a@b> =1",
            "FROM:<a@b> NOTIFY=NEVER",
            "TO:<a@b> SIZE=1",
        ] {
            refuse(line.as_bytes(), 555, (5, 5, 4));
        }
    }
}
