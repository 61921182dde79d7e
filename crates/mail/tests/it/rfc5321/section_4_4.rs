//! RFC 5321 §4.4: trace information.

use mail::received::{Received, count_hops};

#[test]
fn a_received_field_has_its_clauses_in_order() {
    let received = Received {
        helo: Some("client.example"),
        client: Some("2001:db8::1".parse().unwrap()),
        by: "mx.example",
        with: "ESMTPS",
        tls: Some("TLSv1.3"),
        id: "01JD3",
        at: "2026-11-24T12:00:00Z".parse().unwrap(),
    };
    let mut out = Vec::new();
    received.write(&mut out);
    let text = String::from_utf8(out.clone()).unwrap();
    let clauses = [
        "from client.example ([IPv6:2001:db8::1])",
        "by mx.example",
        "with ESMTPS",
        "id 01JD3",
        "; ",
    ];
    let unfolded = text.replace("\r\n\t", " ");
    let places: Vec<usize> = clauses
        .iter()
        .map(|clause| unfolded.find(clause).expect(clause))
        .collect();
    assert!(places.is_sorted(), "{unfolded}");
    out.extend_from_slice(b"Received: from a by b; Tue, 24 Nov 2026 12:00:00 +0000\r\n\r\nReceived: no\r\n");
    assert_eq!(count_hops(&out), 2);
}
