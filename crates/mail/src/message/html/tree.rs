//! The open elements: which end tags end what, and how the text at this place looks.
//!
//! What matters of tree construction (HTML Living Standard §12.2.6) is kept: elements that end without a tag, end tags out
//! of order, formatting elements that outlive their block, cells outside of tables and what stands in a table but outside of
//! its cells. Otherwise broken nesting would make seen text look hidden, or hidden text look seen.
//!
//! Promises: at most `depth_max` elements; the cost of a tag is bounded by that, and in documents as they are by a few
//! elements; no panic. Trusts nothing. What is nested deeper looks as the element at the limit.

use super::element::{self, Class, Name};
use super::look::Computed;
use super::style::Declared;

/// Equal formatting elements in each other ("Noah's Ark clause", §12.2.4.3).
const ARK: usize = 3;

#[derive(Clone, Copy, Debug)]
struct Frame {
    name: Name,
    class: Class,
    declared: Declared,
    computed: Computed,
}

/// The open elements.
#[derive(Debug)]
pub struct Tree {
    open: Vec<Frame>,
    /// Open elements by a part of their name.
    counts: [u16; COUNTS],
    depth_max: usize,
    /// Open elements beyond `depth_max`.
    beyond: usize,
    is_cut: bool,
    page_color: super::color::Color,
}

const COUNTS: usize = 128;

impl Tree {
    /// An empty document.
    pub fn new(depth_max: usize) -> Self {
        Self {
            open: Vec::new(),
            counts: [0; COUNTS],
            depth_max: depth_max.min(usize::from(u16::MAX)),
            beyond: 0,
            is_cut: false,
            page_color: Computed::ROOT.color,
        }
    }

    /// Something was nested too deep.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// How many elements are open.
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// Closes all but the first `depth` elements, as if they had never been.
    pub fn truncate(&mut self, depth: usize) {
        while self.open.len() > depth {
            self.pop();
        }
    }

    /// True when such an element is open.
    pub fn has(&self, name: Name) -> bool {
        self.counts[slot(name)] > 0 && self.open.iter().any(|frame| frame.name == name)
    }

    /// How text here looks. Text between the parts of a table is put before the table (§12.2.6.4.9).
    pub fn text(&self) -> &Computed {
        let open = foster_parent(&self.open);
        open.last().map_or(&Computed::ROOT, |frame| &frame.computed)
    }

    /// A line ends: what is indented out of the page is only the first line.
    pub fn line_break(&mut self) {
        for frame in self.open.iter_mut().rev() {
            if !frame.computed.indented {
                break;
            }
            frame.computed.indented = false;
            if frame.class.has(Class::BLOCK) {
                break;
            }
        }
    }

    /// Opens an element, and closes what its start tag ends; gives how it looks. None: the tag is ignored.
    pub fn start(&mut self, name: Name, class: Class, declared: &Declared) -> Option<Computed> {
        if class.has(Class::TABLE_PART) {
            self.end_table_parts(name, class)?;
        } else {
            self.end_implied(name, class);
        }
        if name == element::FORM && self.has(name) {
            return None;
        }
        let computed = self.compute(self.open.len(), name, class, declared);
        if name == element::BODY {
            self.page_color = computed.color;
        }
        if class.has(Class::VOID) {
            return Some(computed);
        }
        if class.has(Class::FORMATTING) {
            self.keep_ark(name, declared);
        }
        if self.open.len() >= self.depth_max {
            self.beyond += 1;
            self.is_cut = true;
            return Some(*self.text());
        }
        self.counts[slot(name)] += 1;
        self.open.push(Frame {
            name,
            class,
            declared: *declared,
            computed,
        });
        Some(computed)
    }

    /// Closes an element and what it closes with it.
    pub fn end(&mut self, name: Name, class: Class) {
        if matches!(name, element::BODY | element::HTML) || class.has(Class::VOID) {
            return;
        }
        if self.beyond > 0 {
            self.beyond -= 1;
            return;
        }
        self.end_open(name, class);
    }

    fn end_open(&mut self, name: Name, class: Class) {
        if self.counts[slot(name)] == 0 && !class.has(Class::HEADING) {
            return;
        }
        let barrier = match () {
            () if class.has(Class::HEADING) => return self.end_heading(),
            () if class.has(Class::TABLE_PART | Class::TABLE_FRAME) => Barrier::Table,
            () if class.has(Class::FORMATTING) => Barrier::Class(Class::MARKER),
            () if class.has(Class::SPECIAL) => Barrier::Class(Class::SCOPE),
            () => Barrier::Class(Class::SPECIAL),
        };
        if let Some(index) = self.find(barrier, |frame| frame.name == name) {
            let kept = if class.has(Class::FORMATTING) {
                Class::SPECIAL
            } else {
                0
            };
            self.close(index, Class::FORMATTING | kept);
        }
    }

    /// The innermost such element that is not behind a barrier.
    fn find(&self, barrier: Barrier, wanted: impl Fn(&Frame) -> bool) -> Option<usize> {
        for (index, frame) in self.open.iter().enumerate().rev() {
            if wanted(frame) {
                return Some(index);
            }
            let stops = match barrier {
                Barrier::Class(flags) => frame.class.has(flags),
                Barrier::Table => frame.name == element::TABLE,
            };
            if stops {
                return None;
            }
        }
        None
    }

    fn end_heading(&mut self) {
        if let Some(index) = self.find(Barrier::Class(Class::SCOPE), |frame| {
            frame.class.has(Class::HEADING)
        }) {
            self.close(index, Class::FORMATTING);
        }
    }

    /// §12.2.6.4.7: what a start tag ends outside of tables.
    fn end_implied(&mut self, name: Name, class: Class) {
        if class.has(Class::ENDS_P) && self.counts[slot(element::P)] > 0 {
            let barrier = Barrier::Class(Class::SCOPE | Class::CONTROL);
            if let Some(index) = self.find(barrier, |frame| frame.name == element::P) {
                self.close(index, Class::FORMATTING);
            }
        }
        let top = self.open.last().map(|frame| (frame.name, frame.class));
        match (name, top) {
            (element::LI, _) => self.end_item(&[element::LI]),
            (element::DD | element::DT, _) => self.end_item(&[element::DD, element::DT]),
            (element::A | element::NOBR, _) => self.end_open(name, class),
            (element::BUTTON, _) => self.end_open(name, class),
            (element::TABLE, Some((_, top))) if top.has(Class::TABLE_FRAME) => self.end_open(name, class),
            (element::OPTION | element::OPTGROUP, Some((element::OPTION, _))) => self.pop(),
            (_, Some((_, top))) if class.has(Class::HEADING) && top.has(Class::HEADING) => self.pop(),
            _ => {}
        }
    }

    fn end_item(&mut self, names: &[Name]) {
        if names.iter().all(|name| self.counts[slot(*name)] == 0) {
            return;
        }
        let found = self.open.iter().rposition(|frame| {
            names.contains(&frame.name)
                || frame.class.has(Class::SPECIAL)
                    && !matches!(frame.name, element::ADDRESS | element::DIV | element::P)
        });
        if let Some(index) = found.filter(|index| names.contains(&self.open[*index].name)) {
            self.close(index, Class::FORMATTING);
        }
    }

    /// §12.2.6.4.9 to 15: closes what is open in the table down to where the part belongs. None: there is no table.
    fn end_table_parts(&mut self, name: Name, class: Class) -> Option<()> {
        if self.counts[slot(element::TABLE)] == 0 {
            return None;
        }
        let table = self.find(Barrier::Class(0), |frame| frame.name == element::TABLE)?;
        let is_parent = |frame: &Frame| match () {
            () if class.has(Class::CELL) && name != element::CAPTION => frame.class.has(Class::TABLE_FRAME),
            () if name == element::TR => frame.class.has(Class::TABLE_FRAME) && frame.name != element::TR,
            () => frame.name == element::TABLE,
        };
        let parent = self.open.iter().rposition(is_parent).unwrap_or(table).max(table);
        if parent + 1 < self.open.len() {
            self.close(parent + 1, Class::FORMATTING);
        }
        Some(())
    }

    fn pop(&mut self) {
        if let Some(frame) = self.open.pop() {
            self.counts[slot(frame.name)] -= 1;
        }
    }

    /// Closes the element and those in it but for some, which are opened again where it was.
    fn close(&mut self, index: usize, mut kept: u32) {
        let mut to = index;
        for from in index..self.open.len() {
            let mut frame = self.open[from];
            if frame.class.has(Class::MARKER) {
                kept = 0;
            }
            if from == index || !frame.class.has(kept) {
                self.counts[slot(frame.name)] -= 1;
                continue;
            }
            frame.computed = self.compute(to, frame.name, frame.class, &frame.declared);
            self.open[to] = frame;
            to += 1;
        }
        self.open.truncate(to);
    }

    /// How an element looks that stands in the first `depth` open ones.
    fn compute(&self, depth: usize, name: Name, class: Class, declared: &Declared) -> Computed {
        let mut open = &self.open[..depth];
        if !class.has(Class::TABLE_PART) && name != element::FORM {
            open = foster_parent(open);
        }
        let around = open.last().map_or(&Computed::ROOT, |frame| &frame.computed);
        if name == element::TABLE {
            return around.for_table(self.page_color).child(class, declared);
        }
        around.child(class, declared)
    }

    /// Forgets the outermost of too many equal formatting elements.
    fn keep_ark(&mut self, name: Name, declared: &Declared) {
        let is_equal = |frame: &&Frame| frame.name == name && frame.declared == *declared;
        if self.open.iter().rev().take(ARK).filter(is_equal).count() == ARK {
            self.pop();
        }
    }
}

/// The elements around what stands in a table but not in a cell: those around the table.
fn foster_parent(open: &[Frame]) -> &[Frame] {
    match open.last() {
        Some(frame) if frame.class.has(Class::TABLE_FRAME) => {
            let table = open.iter().rposition(|frame| frame.name == element::TABLE);
            &open[..table.unwrap_or(0)]
        }
        _ => open,
    }
}

#[derive(Clone, Copy)]
enum Barrier {
    /// An element with one of these flags.
    Class(u32),
    /// The innermost table.
    Table,
}

fn slot(name: Name) -> usize {
    let number = name.number();
    ((number ^ number >> 8 ^ number >> 55) % COUNTS as u64) as usize
}
