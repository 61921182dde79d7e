//! Rich Text Format 1.9.1: the text, by the code pages of its fonts, and the links of its fields.
//!
//! Promises: one pass, at most [`DEPTH_MAX`] groups are told apart, no panic. Trusts nothing. Hidden text (`\v`), tables of
//! fonts and colours, pictures, objects and destinations that are not known (`\*`) are left out.

use super::Out;
use crate::message::charset;
use crate::message::transfer::hex_octet;

/// Groups in each other; deeper ones are like the one at the limit.
const DEPTH_MAX: usize = 256;
/// Fonts whose code page is kept.
const FONTS_MAX: usize = 512;
/// Octets of the instruction of one field.
const FIELD_OCTETS_MAX: usize = 4_096;

/// What is done with the text of a group.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Shown,
    Dropped,
    Fonts,
    Field,
}

#[derive(Clone, Copy)]
struct Group {
    r#use: Use,
    is_hidden: bool,
    /// Octets that follow a `\u` for readers that do not know it.
    fallback: usize,
    /// Code page of the font.
    page: i32,
}

struct Reader<'o> {
    out: &'o mut Out,
    group: Group,
    outer: Vec<Group>,
    /// Groups beyond the limit.
    beyond: usize,
    /// Octets of text in one code page.
    run: Vec<u8>,
    /// Code units of text.
    units: Vec<u16>,
    field: Vec<u8>,
    fonts: Vec<(i32, i32)>,
    /// The font that the table describes.
    font: i32,
    page: i32,
    /// Signs still to be left out behind a `\u`.
    skip: usize,
    /// The group began with `\*`.
    is_optional: bool,
}

pub fn read(rtf: &[u8], out: &mut Out) {
    let mut reader = Reader {
        out,
        group: Group {
            r#use: Use::Shown,
            is_hidden: false,
            fallback: 1,
            page: 0,
        },
        outer: Vec::new(),
        beyond: 0,
        run: Vec::new(),
        units: Vec::new(),
        field: Vec::new(),
        fonts: Vec::new(),
        font: 0,
        page: 1252,
        skip: 0,
        is_optional: false,
    };
    let mut rest = rtf;
    while let Some((&sign, behind)) = rest.split_first() {
        rest = behind;
        match sign {
            b'{' => reader.open(),
            b'}' => reader.close(),
            b'\\' => rest = reader.control(behind),
            b'\r' | b'\n' | 0 => {}
            octet => reader.octet(octet),
        }
    }
    reader.flush();
    reader.end_field();
}

impl Reader<'_> {
    fn open(&mut self) {
        self.flush();
        self.is_optional = false;
        self.skip = 0;
        if self.outer.len() < DEPTH_MAX {
            self.outer.push(self.group);
        } else {
            self.beyond += 1;
            self.out.bounded = true;
        }
    }

    fn close(&mut self) {
        self.flush();
        self.skip = 0;
        if self.beyond > 0 {
            self.beyond -= 1;
            return;
        }
        let was = self.group.r#use;
        if let Some(group) = self.outer.pop() {
            self.group = group;
        }
        if was == Use::Field && self.group.r#use != Use::Field {
            self.end_field();
        }
    }

    fn end_field(&mut self) {
        let field = std::mem::take(&mut self.field);
        self.out.field(&field);
    }

    /// Behind a backslash: a sign, or a word with a number and a blank.
    fn control<'a>(&mut self, text: &'a [u8]) -> &'a [u8] {
        let length = text
            .iter()
            .take(32)
            .take_while(|b| b.is_ascii_alphabetic())
            .count();
        if length == 0 {
            return self.symbol(text);
        }
        let (word, rest) = text.split_at(length);
        let is_negative = rest.first() == Some(&b'-');
        let digits = &rest[usize::from(is_negative)..];
        let count = digits.iter().take(10).take_while(|b| b.is_ascii_digit()).count();
        let number = (count > 0).then(|| {
            let value = digits[..count]
                .iter()
                .fold(0i64, |value, b| value * 10 + i64::from(b - b'0'));
            let value = if is_negative { -value } else { value };
            i32::try_from(value).unwrap_or(0)
        });
        let rest = if count > 0 { &digits[count..] } else { rest };
        let rest = rest.strip_prefix(b" ").unwrap_or(rest);
        self.word(word, number);
        if word == b"bin" {
            return rest
                .get(usize::try_from(number.unwrap_or(0)).unwrap_or(0)..)
                .unwrap_or_default();
        }
        rest
    }

    fn symbol<'a>(&mut self, text: &'a [u8]) -> &'a [u8] {
        let Some((&sign, rest)) = text.split_first() else {
            return text;
        };
        match sign {
            b'\'' => {
                if let Some(octet) = rest.get(..2).and_then(hex_octet) {
                    self.octet(octet);
                    return &rest[2..];
                }
            }
            b'*' => self.is_optional = true,
            b'~' => self.octet(b' '),
            b'_' => self.octet(b'-'),
            b'\\' | b'{' | b'}' => self.octet(sign),
            b'\r' | b'\n' => self.line(),
            _ => {}
        }
        rest
    }

    fn word(&mut self, word: &[u8], number: Option<i32>) {
        let is_optional = std::mem::take(&mut self.is_optional);
        match word {
            b"u" => {
                self.flush_octets();
                // Negative above 32767; the cast keeps the code unit.
                self.unit(number.unwrap_or(0) as u16);
                self.skip = self.group.fallback;
            }
            b"par" | b"line" | b"row" | b"sect" | b"page" => self.line(),
            b"tab" | b"cell" => self.octet(b' '),
            b"uc" => self.group.fallback = usize::try_from(number.unwrap_or(1)).unwrap_or(0).min(16),
            b"ansicpg" => self.page = number.unwrap_or(1252),
            b"v" => {
                self.flush();
                self.group.is_hidden = number != Some(0);
            }
            b"plain" => {
                self.flush();
                self.group.is_hidden = false;
            }
            b"f" if self.group.r#use == Use::Fonts => self.font = number.unwrap_or(0),
            b"f" => {
                self.flush();
                let found = self.fonts.iter().find(|(font, _)| Some(*font) == number);
                self.group.page = found.map_or(0, |(_, page)| *page);
            }
            b"fcharset" if self.fonts.len() < FONTS_MAX => self.fonts.push((self.font, code_page(number))),
            b"fonttbl" => self.group.r#use = Use::Fonts,
            b"fldinst" => self.group.r#use = Use::Field,
            b"fldrslt" => self.group.r#use = Use::Shown,
            b"colortbl"
            | b"stylesheet"
            | b"info"
            | b"pict"
            | b"object"
            | b"objdata"
            | b"listtable"
            | b"revtbl"
            | b"listoverridetable"
            | b"themedata"
            | b"colorschememapping"
            | b"datastore"
            | b"latentstyles"
            | b"rsidtbl"
            | b"generator"
            | b"xmlnstbl"
            | b"nonshppict" => self.group.r#use = Use::Dropped,
            b"shptxt" | b"result" => self.group.r#use = Use::Shown,
            // A destination that is not known.
            _ if is_optional => self.group.r#use = Use::Dropped,
            _ => {}
        }
    }

    fn line(&mut self) {
        self.flush();
        if self.group.r#use == Use::Shown {
            self.out.text.line();
        }
    }

    fn unit(&mut self, unit: u16) {
        if self.is_seen() {
            self.units.push(unit);
        } else if self.group.r#use == Use::Field
            && let Ok(octet) = u8::try_from(unit)
        {
            self.octet(octet);
        }
    }

    fn is_seen(&self) -> bool {
        self.group.r#use == Use::Shown && !self.group.is_hidden
    }

    fn octet(&mut self, octet: u8) {
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        if self.group.r#use == Use::Field {
            if self.field.len() < FIELD_OCTETS_MAX {
                self.field.push(octet);
            }
        } else if self.is_seen() {
            if !self.units.is_empty() {
                self.flush();
            }
            self.run.push(octet);
        }
    }

    fn flush(&mut self) {
        self.flush_octets();
        if !self.units.is_empty() {
            let text = String::from_utf16_lossy(&self.units);
            self.out.text.push_plain(text.as_bytes(), false);
            self.units.clear();
        }
    }

    fn flush_octets(&mut self) {
        if self.run.is_empty() {
            return;
        }
        let page = if self.group.page > 0 {
            self.group.page
        } else {
            self.page
        };
        let label = match page {
            932 | 936 | 949 | 950 => format!("cp{page}"),
            65001 => "utf-8".to_owned(),
            866 | 1250..=1258 => format!("cp{page}"),
            10000 => "macintosh".to_owned(),
            _ => "cp1252".to_owned(),
        };
        let (text, _) = charset::decode(Some(&label), &self.run);
        self.out.text.push_plain(text.as_bytes(), false);
        self.run.clear();
    }
}

/// The code page of a `\fcharset`; 0: that of the document.
fn code_page(number: Option<i32>) -> i32 {
    match number {
        Some(0) => 1252,
        Some(77) => 10000,
        Some(128) => 932,
        Some(129) => 949,
        Some(134) => 936,
        Some(136) => 950,
        Some(161) => 1253,
        Some(162) => 1254,
        Some(163) => 1258,
        Some(177) => 1255,
        Some(178) => 1256,
        Some(186) => 1257,
        Some(204) => 1251,
        Some(238) => 1250,
        _ => 0,
    }
}
