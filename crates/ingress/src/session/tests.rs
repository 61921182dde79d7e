//! Tables of what a session says.
