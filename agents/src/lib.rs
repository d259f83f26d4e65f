//! Prospect's policies, learners, trainer, checkpoints and recorders.
