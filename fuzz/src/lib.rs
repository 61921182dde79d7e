//! What the targets share: how an input is divided, how a stream is cut, what holds for text that leaves, and a clock.
//!
//! A target takes any octets, hands them to one parser of the product and asserts what that parser promises in its head
//! comment. An input is kept readable: where a target needs figures besides the octets, they stand on the first line, in
//! decimal, with blanks between them; so that seeds can be written by hand and a reproducer can be understood.

use std::time::Duration;

/// Figures taken from a first line at most.
const FIGURES_MAX: usize = 16;
/// Inputs up to this size are cut at each place; longer ones at places spread over them.
const CUT_EVERYWHERE_OCTETS_MAX: usize = 96;
/// Places at which a longer input is cut.
const CUTS_MAX: usize = 24;

/// The first line without its end, and the rest.
pub fn first_line(input: &[u8]) -> (&[u8], &[u8]) {
    match input.iter().position(|octet| *octet == b'\n') {
        Some(end) => (&input[..end], &input[end + 1..]),
        None => (input, &[]),
    }
}

/// The figures of a first line, and what stands behind that line. What is no number is skipped.
pub fn figures(input: &[u8]) -> (Figures, &[u8]) {
    let (line, rest) = first_line(input);
    let words = line.split(|octet| *octet == b' ');
    let numbers = words.filter_map(|word| std::str::from_utf8(word).ok()?.parse().ok());
    let mut numbers: Vec<u64> = numbers.take(FIGURES_MAX).collect();
    numbers.reverse();
    (Figures(numbers), rest)
}

/// Numbers, taken one after the other.
pub struct Figures(Vec<u64>);

impl Figures {
    /// The next one, or what it is when none was given.
    pub fn take(&mut self, default: u64) -> u64 {
        self.0.pop().unwrap_or(default)
    }

    /// The next one as a choice among `count`; the first when none was given.
    pub fn choice(&mut self, count: u64) -> u64 {
        self.take(0) % count
    }

    /// The next one as a flag; false when none was given.
    pub fn flag(&mut self) -> bool {
        self.choice(2) == 1
    }
}

/// A stream cut in different ways: octet by octet, in pieces of `piece_octets`, and in two at many places.
pub fn cuts(stream: &[u8], piece_octets: u64) -> Vec<Vec<&[u8]>> {
    let piece_octets = usize::try_from(piece_octets.clamp(2, 70_000)).unwrap_or(2);
    let mut ways = vec![stream.chunks(piece_octets).collect()];
    if stream.len() <= 4_096 {
        ways.push(stream.chunks(1).collect());
    }
    let step = if stream.len() <= CUT_EVERYWHERE_OCTETS_MAX {
        1
    } else {
        stream.len().div_ceil(CUTS_MAX)
    };
    for place in (1..stream.len()).step_by(step) {
        let (head, tail) = stream.split_at(place);
        ways.push(vec![head, tail]);
    }
    ways
}

/// Every line ends with CRLF, none is longer than `octets_max` without it, and there is no bare CR or LF, no NUL.
pub fn assert_lines(octets: &[u8], octets_max: usize) {
    let mut rest = octets;
    while !rest.is_empty() {
        let end = rest.iter().position(|octet| *octet == b'\n');
        let line = &rest[..end.unwrap_or_else(|| panic!("the last line has no end"))];
        rest = &rest[line.len() + 1..];
        let line = line
            .strip_suffix(b"\r")
            .unwrap_or_else(|| panic!("a bare LF: {}", line.escape_ascii()));
        assert!(line.len() <= octets_max, "a line of {} octets", line.len());
        assert!(
            !line.contains(&b'\r') && !line.contains(&0),
            "a bare CR or NUL: {}",
            line.escape_ascii()
        );
    }
}

/// No control of ASCII, C1 or line separator of Unicode.
pub fn assert_plain(text: &str) {
    let hostile = |char: char| char.is_control() || matches!(char, '\u{2028}' | '\u{2029}');
    assert!(!text.contains(hostile), "a control in {text:?}");
}

/// `inner` is a slice of `outer`, not a copy.
pub fn assert_inside(inner: &[u8], outer: &[u8]) {
    let (inner, outer) = (inner.as_ptr_range(), outer.as_ptr_range());
    assert!(
        outer.start <= inner.start && inner.end <= outer.end,
        "a slice of something else"
    );
}

/// Processor time of this thread: the other programs of the machine do not count.
pub struct Watch(Duration);

impl Watch {
    /// Starts.
    pub fn start() -> Self {
        Self(now())
    }

    /// Fails when more than `base` and `per_kib` for each started KiB of input were used.
    pub fn assert_below(&self, base: Duration, per_kib: Duration, octets: usize) {
        let used = now().saturating_sub(self.0);
        let kib = u32::try_from(octets.div_ceil(1_024)).unwrap_or(u32::MAX);
        let allowed = base + per_kib * kib;
        assert!(
            used <= allowed,
            "{used:?} for {octets} octets, {allowed:?} allowed"
        );
    }
}

fn now() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}
