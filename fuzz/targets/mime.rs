//! MIME: the walk and all decoding stay within their limits, in octets and in time, and point into the message.
//!
//! First line: most parts, deepest level, most decoded octets, most fields.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail::message::{Defect, Limits, Parts};
use std::time::Duration;

/// Far above what is measured (under 0.1 ms), far below what a quadratic loop needs for 64 KiB.
const PER_KIB: Duration = Duration::from_millis(2);
const BASE: Duration = Duration::from_millis(20);

fuzz_target!(|input: &[u8]| {
    let (mut figures, raw) = fuzz::figures(input);
    let mut limit =
        |default: u64, most: u64| usize::try_from(figures.take(default) % most).unwrap_or_default();
    let limits = Limits {
        parts_max: limit(20, 1_000).max(1),
        depth_max: limit(5, 50),
        decoded_octets_max: limit(4_096, 1 << 20),
        fields_max: limit(100, 2_000),
    };
    let watch = fuzz::Watch::start();
    walk(raw, &limits);
    watch.assert_below(BASE, PER_KIB, raw.len());

    let watch = fuzz::Watch::start();
    walk(raw, &Limits::default());
    watch.assert_below(BASE, PER_KIB, raw.len());
});

fn walk(raw: &[u8], limits: &Limits) {
    let tree = Parts::walk(raw, limits);
    assert!(
        (1..=limits.parts_max).contains(&tree.parts.len()),
        "{} parts",
        tree.parts.len()
    );
    assert!(tree.defects.is_sorted_by(|a, b| a < b), "{:?}", tree.defects);
    if tree.parts.len() == limits.parts_max {
        return decode(&tree, raw, limits);
    }
    assert!(
        !tree.defects.contains(&Defect::TooManyParts),
        "defect without cause"
    );
    decode(&tree, raw, limits);
}

fn decode(tree: &Parts<'_>, raw: &[u8], limits: &Limits) {
    for (index, part) in tree.parts.iter().enumerate() {
        // A uuencoded block is one below the text that it stands in.
        assert!(
            part.depth <= limits.depth_max + 1 && (part.depth == 0) == (index == 0),
            "depth {}",
            part.depth
        );
        assert!(part.header.fields.len() <= limits.fields_max);
        fuzz::assert_inside(part.body, raw);
        assert_eq!(part.content_type, part.content_type.to_ascii_lowercase());
        if let Some(name) = &part.filename {
            assert!(
                !name.is_empty() && name.chars().count() <= 255 && !name.chars().any(char::is_control),
                "{name:?}"
            );
        }
        let decoded = part.decoded(limits.decoded_octets_max);
        assert!(decoded.len() <= limits.decoded_octets_max);
        if !part.container {
            let text = part.text(limits.decoded_octets_max);
            assert!(
                text.len() <= 4 * decoded.len() + 4,
                "{} from {}",
                text.len(),
                decoded.len()
            );
        }
    }
}
