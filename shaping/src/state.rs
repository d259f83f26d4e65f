//! The bytes in which modules keep their state: kind and version first, so that foreign bytes are refused.

use serde::{Serialize, de::DeserializeOwned};

use crate::error::ShapingError;

fn error(module: &str, reason: String) -> ShapingError {
    ShapingError::State {
        module: module.to_owned(),
        reason,
    }
}

/// The state of a module of `kind`; raise `version` when the meaning of `T` changes.
pub(crate) fn encode<T: Serialize>(
    module: &str,
    kind: &str,
    version: u32,
    state: &T,
) -> Result<Vec<u8>, ShapingError> {
    postcard::to_stdvec(&(kind, version, state))
        .map_err(|e| error(module, format!("cannot be written ({e})")))
}

/// The reverse of [`encode`].
pub(crate) fn decode<T: DeserializeOwned>(
    module: &str,
    kind: &str,
    version: u32,
    bytes: &[u8],
) -> Result<T, ShapingError> {
    let damaged = |e: postcard::Error| error(module, format!("is damaged ({e})"));
    let ((there, stored), rest) = postcard::take_from_bytes::<(String, u32)>(bytes).map_err(damaged)?;
    if there != kind {
        return Err(error(module, format!("is of kind `{there}`, this is `{kind}`")));
    }
    if stored != version {
        return Err(error(module, format!("has version {stored}, this is {version}")));
    }
    let (state, rest) = postcard::take_from_bytes(rest).map_err(damaged)?;
    if !rest.is_empty() {
        return Err(error(
            module,
            format!("is followed by {} foreign bytes", rest.len()),
        ));
    }
    Ok(state)
}

/// The error of a state whose memories are of another number of actors.
pub(crate) fn check_actors(module: &str, stored: usize, here: usize) -> Result<(), ShapingError> {
    if stored == here {
        return Ok(());
    }
    Err(error(module, format!("is of {stored} actors, here are {here}")))
}
