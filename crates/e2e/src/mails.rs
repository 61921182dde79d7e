//! Messages of our own writing for demonstration, scenarios and benchmarks.

/// A plain message with CRLF line ends.
pub fn plain(from: &str, to: &str, subject: &str, body: &str) -> Vec<u8> {
    let body = body.replace("\r\n", "\n").replace('\n', "\r\n");
    format!(
        "From: <{from}>\r\nTo: <{to}>\r\nSubject: {subject}\r\nDate: Tue, 24 Nov 2026 12:00:00 +0000\r\n\
         Message-ID: <{:016x}@{}>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\n{body}\r\n",
        rand::random::<u64>(),
        from.split('@').nth(1).unwrap_or("example.test"),
    )
    .into_bytes()
}

/// A message with one attached file in base64.
pub fn with_file(from: &str, to: &str, subject: &str, name: &str, content: &[u8]) -> Vec<u8> {
    use base64::Engine;
    let encoded = base64::engine::general_purpose::STANDARD.encode(content);
    let lines: Vec<&str> = encoded
        .as_bytes()
        .chunks(76)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    format!(
        "From: <{from}>\r\nTo: <{to}>\r\nSubject: {subject}\r\nDate: Tue, 24 Nov 2026 12:00:00 +0000\r\n\
         Message-ID: <{:016x}@example.test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"frontier\"\r\n\r\n\
         --frontier\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nPlease find the file attached.\r\n\
         --frontier\r\nContent-Type: application/octet-stream; name=\"{name}\"\r\n\
         Content-Disposition: attachment; filename=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--frontier--\r\n",
        rand::random::<u64>(),
        lines.join("\r\n"),
    )
    .into_bytes()
}

/// The EICAR test string, put together at run time so that no file of ours contains it.
pub fn eicar() -> String {
    [
        "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR",
        "-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*",
    ]
    .concat()
}

/// The GTUBE test string, likewise.
pub fn gtube() -> String {
    [
        "XJS*C4JDBQADN1.NSBN3*2IDNEN",
        "*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X",
    ]
    .concat()
}

/// Text of about so many octets, lines of 70, no two messages alike.
pub fn text(octets: usize) -> String {
    const WORDS: [&str; 24] = [
        "order", "invoice", "meeting", "Tuesday", "delivery", "please", "confirm", "attached", "regards",
        "office", "number", "customer", "contract", "morning", "details", "project", "thanks", "address",
        "payment", "report", "question", "offer", "week", "team",
    ];
    let mut out = String::with_capacity(octets + 80);
    let mut width = 0;
    while out.len() < octets {
        let word = WORDS[rand::random_range(0..WORDS.len())];
        width += word.len() + 1;
        out.push_str(word);
        out.push(if width > 70 { '\n' } else { ' ' });
        width = if width > 70 { 0 } else { width };
    }
    out
}
