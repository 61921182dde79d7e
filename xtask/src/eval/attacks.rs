//! stub
/// One attacked message.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Index of the message.
    pub message: usize,
    /// Which attack.
    pub attack: &'static str,
    /// RFC 5322.
    pub octets: Vec<u8>,
}

impl Variant {
    /// For messages of errors.
    pub fn name(&self) -> String {
        format!("{}#{}", self.message, self.attack)
    }
}
