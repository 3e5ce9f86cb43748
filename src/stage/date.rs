//! Reads every form of date that publishers write.
