//! MAIL COMES IN. Submission, relay (smarthost): session, identify, gather, assess, admit, refuse. Delivers nothing.

pub mod assess;
pub mod gather;
pub mod scan;
