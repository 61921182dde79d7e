//! What the message itself shows.

use mail::message::Limits;
use mail::message::sniff::Kind;
use risk::examine;

fn gtube() -> String {
    [
        "XJS*C4JDBQADN1.NSBN3*2IDNEN",
        "*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X",
    ]
    .concat()
}

fn base64(text: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in text.chunks(3) {
        let bits = three
            .iter()
            .fold(0u32, |bits, octet| bits << 8 | u32::from(*octet))
            << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place > three.len() {
                '='
            } else {
                char::from(letter)
            });
        }
    }
    out
}

#[test]
fn the_test_string_is_found_however_it_is_wrapped() {
    let plain = format!("Subject: x\r\n\r\n{}\r\n", gtube());
    let encoded = format!(
        "Content-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        base64(gtube().as_bytes())
    );
    let inside = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{encoded}\r\n--b--\r\n"
    );
    for (name, raw, found) in [
        ("plain", plain, true),
        ("base64", encoded, true),
        ("inside", inside, true),
        ("none", "Subject: x\r\n\r\nhello\r\n".into(), false),
    ] {
        assert_eq!(
            examine(raw.as_bytes(), &Limits::default(), &[]).facts.gtube,
            found,
            "{name}"
        );
    }
}

#[test]
fn the_virus_test_file_is_a_file_not_a_quotation() {
    let eicar = [
        "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR",
        "-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*",
    ]
    .concat();
    let file = format!(
        "Content-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        base64(eicar.as_bytes())
    );
    let inner = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n{file}--b--\r\n");
    let closed = format!(
        "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        base64(inner.as_bytes())
    );
    let quoted = format!("Subject: scanners\r\n\r\nThe string {eicar} should be found by yours.\r\n");
    let bare = format!("Subject: x\r\n\r\n{eicar}\r\n");
    for (name, raw, found) in [
        ("file", file, true),
        ("closed", closed, true),
        ("quoted", quoted, false),
        ("bare", bare, true),
    ] {
        assert_eq!(
            examine(raw.as_bytes(), &Limits::default(), &[]).facts.eicar,
            found,
            "{name}"
        );
    }
}

#[test]
fn attachments_are_what_they_are() {
    let program = base64(
        b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00 and so on, far enough to be a program",
    );
    let raw = format!(
        "From: A <a@example.com>\r\nSubject: =?utf-8?q?Caff=C3=A8?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nsee there\r\n\
         --b\r\nContent-Type: image/jpeg\r\nContent-Disposition: attachment;\r\n filename*0=\"holi\";\r\n filename*1=\"day.jpg\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{program}\r\n--b--\r\n"
    );
    let facts = examine(raw.as_bytes(), &Limits::default(), &[]).facts;
    assert_eq!(facts.subject, "Caffè");
    assert_eq!(facts.parts, 3);
    let [file] = facts.attachments.as_slice() else {
        panic!("{:?}", facts.attachments)
    };
    assert_eq!(
        (file.name.as_str(), file.file.kind),
        ("holiday.jpg", Kind::Executable)
    );
    assert_eq!(file.file.claimed, Some(Kind::Image));
}
