//! The tasks of Prospect: gridworlds and the registry of ids.
