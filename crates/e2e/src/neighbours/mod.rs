//! Real programs from Debian, each started privately: own folder, own port, gone when dropped.
