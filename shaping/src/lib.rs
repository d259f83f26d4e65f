//! Prospect's reward modules and the stack that mixes them.
