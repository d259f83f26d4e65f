//! The ECS core of Prospect: shards, vectorised stepping, spaces, episodes, seeding, facts, rollouts, snapshots.
