//! Replies of a next hop, read however the stream is cut, and written replies read back.

use super::{cut, stream};
use mail::smtp::reply::{READ_LINE_OCTETS_MAX, ReplyError};
use mail::smtp::{EnhancedCode, Reply, ReplyReader};
use proptest::prelude::*;

/// All replies up to the first error.
fn read(pieces: &[&[u8]]) -> (Vec<Reply>, Option<ReplyError>) {
    let mut reader = ReplyReader::default();
    let mut replies = Vec::new();
    for piece in pieces {
        let mut rest = *piece;
        loop {
            match reader.feed(rest) {
                Err(error) => return (replies, Some(error)),
                Ok((used, reply)) => {
                    rest = &rest[used..];
                    match reply {
                        Some(reply) => replies.push(reply),
                        None => break,
                    }
                }
            }
        }
        assert!(rest.is_empty());
    }
    (replies, None)
}

fn reply() -> impl Strategy<Value = Reply> {
    let code =
        (2u16..=5, 0u16..=5, 0u16..=9).prop_map(|(first, second, third)| first * 100 + second * 10 + third);
    let text = prop_oneof!["[ -~]{0,40}", "\\PC{0,600}", any::<String>()];
    (
        code,
        any::<bool>(),
        0u16..1000,
        0u16..1000,
        prop::collection::vec(text, 1..5),
    )
        .prop_map(|(code, enhanced, subject, detail, lines)| {
            let class = u8::try_from(code / 100).unwrap();
            let enhanced = (enhanced && class != 3).then_some(EnhancedCode {
                class,
                subject,
                detail,
            });
            Reply {
                code,
                enhanced,
                lines,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn reading_does_not_depend_on_cuts(
        stream in stream(),
        places in prop::collection::vec(any::<usize>(), 0..6),
    ) {
        let whole = read(&[&stream]);
        prop_assert_eq!(&read(&cut(&stream, &places)), &whole);
        prop_assert_eq!(&read(&stream.chunks(1).collect::<Vec<_>>()), &whole);
        for line in whole.0.iter().flat_map(|reply| &reply.lines) {
            prop_assert!(!line.chars().any(char::is_control) && line.len() <= 3 * READ_LINE_OCTETS_MAX);
        }
    }

    #[test]
    fn what_is_written_is_one_reply(reply in reply(), utf8 in any::<bool>()) {
        let mut out = Vec::new();
        reply.write(&mut out, utf8);
        for line in out.split_inclusive(|octet| *octet == b'\n') {
            prop_assert!(line.len() <= 512 && line.ends_with(b"\r\n"));
            prop_assert!(!line[..line.len() - 2].iter().any(u8::is_ascii_control));
        }
        prop_assert!(utf8 || out.is_ascii());
        let (replies, error) = read(&[&out]);
        prop_assert_eq!(error, None);
        prop_assert_eq!(replies.len(), 1);
        prop_assert_eq!(replies[0].code, reply.code);
        if reply.enhanced.is_some() {
            prop_assert_eq!(replies[0].enhanced, reply.enhanced);
        }
        prop_assert!(reply.one_line().len() <= 1000);
    }
}
