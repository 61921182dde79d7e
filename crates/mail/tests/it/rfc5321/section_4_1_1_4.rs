//! RFC 5321 §4.1.1.4: the end of mail data is CRLF.CRLF, and no other sequence.

use mail::smtp::data::{DataLimits, DataReader};

/// Twelve sequences that one or another server has taken for the end; behind each stands what an attacker would smuggle.
const FORMS: [&[u8]; 12] = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r\n.\r",
    b"\r.\n",
    b"\n.\r",
    b"\r\n.\r\r\n",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\r\n.\r\0\n",
];

fn check(size_octets_max: u64) {
    for form in FORMS {
        let smuggled = b"MAIL FROM:<x@y>\r\nRCPT TO:<v@w>\r\nDATA\r\nhello";
        let stream = [b"Subject: x\r\n\r\nbody", form, smuggled, b"\r\n.\r\nQUIT\r\n"].concat();
        for piece_octets in [1, 2, 3, 5, stream.len()] {
            let mut reader = DataReader::new(DataLimits {
                size_octets_max,
                line_octets_max: 998,
            });
            let (mut message, mut used) = (Vec::new(), 0);
            for piece in stream.chunks(piece_octets) {
                used += reader.feed(piece, &mut message).consumed;
            }
            let shown = form.escape_ascii();
            assert_eq!(
                &stream[used..],
                b"QUIT\r\n",
                "{shown} in pieces of {piece_octets}"
            );
            assert!(reader.defect().is_some(), "{shown} is not a message");
            assert!(message.len() as u64 <= size_octets_max);
        }
    }
}

#[test]
fn no_other_sequence_ends_the_data() {
    check(10_000);
}

/// The discard path has the same end.
#[test]
fn nor_while_an_oversize_message_is_discarded() {
    check(5);
}
