//! MAIL and RCPT read from a client: the keyword, the path, the parameters.
//!
//! Promises: a parameter is taken once, known and valid, or the command is refused.
//! Standards: RFC 5321 §4.1.1.2, §4.1.1.3, §4.1.1.11, RFC 1870, RFC 6152, RFC 3030, RFC 6531, RFC 3461 §4, RFC 4954 §5,
//! RFC 6533 §3.

use super::envelope::{BodyType, MailCommand, Notify, OriginalRecipient, RcptCommand, Ret};
use super::path::{Path, RECIPIENT, SENDER, path_and_rest};
use super::reply::Reply;
use super::xtext;
use crate::address::AddressError;

/// Octets of ENVID as sent (RFC 3461 §4.4).
pub const ENVID_OCTETS_MAX: usize = 100;
/// Octets of ORCPT as sent (RFC 3461 §4.2).
pub const ORCPT_OCTETS_MAX: usize = 500;

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
    // Written anew for the next hop it can be longer than it was sent: `+2B` becomes `\x{2B}`.
    let written = if utf8 {
        xtext::encode_utf8_address(&address).len()
    } else {
        encoded.len()
    };
    let fits = addr_type.len() + 1 + written <= ORCPT_OCTETS_MAX;
    (valid && fits).then(|| OriginalRecipient {
        addr_type: addr_type.to_owned(),
        address,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::ehlo::Extensions;

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
    #[expect(clippy::too_many_lines, reason = "a table")]
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
        refuse(
            format!("TO:<a@b> ORCPT=utf-8;{}", "\\".repeat(83)).as_bytes(),
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
