//! RFC 5321 section by section: each file is a section, each test one of its rules.

mod section_2_3_8;
mod section_4_1_1;
mod section_4_1_1_4;
mod section_4_1_2;
mod section_4_1_3;
mod section_4_2;
mod section_4_4;
mod section_4_5_2;
mod section_4_5_3_1;

use mail::smtp::Command;

/// The reply code a line is refused with; 0 when it is a command.
pub fn refusal(line: &str) -> u16 {
    Command::parse(line.as_bytes())
        .err()
        .map_or(0, |reply| reply.code)
}
