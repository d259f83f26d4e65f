//! Neural blocks that Prospect's rewards and agents share.
