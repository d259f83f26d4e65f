//! What a step is told as: one caption per step, that of the weightiest thing that has happened in it.

/// A caption of a driving task's step. Its number is the value of the event fact `caption`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Caption {
    /// Nothing to tell.
    #[default]
    None,
    /// The vehicle has begun to change to the left.
    LaneLeft,
    /// The vehicle has begun to change to the right.
    LaneRight,
    /// The vehicle has followed another road.
    NextRoad,
    /// The vehicle is beside its lane, and was not before.
    OffRoad,
    /// The time is up.
    TimeUp,
    /// The task is fulfilled.
    Success,
    /// The vehicle has collided.
    Crash,
}

impl Caption {
    const ALL: [Self; 8] = [
        Self::None,
        Self::LaneLeft,
        Self::LaneRight,
        Self::NextRoad,
        Self::OffRoad,
        Self::TimeUp,
        Self::Success,
        Self::Crash,
    ];

    /// The largest number of a caption.
    pub(super) const LAST: i32 = Self::Crash as i32;

    /// The caption of a number.
    pub(super) fn numbered(number: i32) -> Self {
        let index = usize::try_from(number).unwrap_or(0);
        Self::ALL.get(index).copied().unwrap_or_default()
    }

    /// Its words; `success` says what the task's success is.
    pub(super) fn words(self, success: &'static str) -> &'static str {
        match self {
            Self::None => "",
            Self::LaneLeft => "changes to the left",
            Self::LaneRight => "changes to the right",
            Self::NextRoad => "follows the next road",
            Self::OffRoad => "leaves its lane",
            Self::TimeUp => "the time is up",
            Self::Success => success,
            Self::Crash => "collides",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_captions_correspond() {
        for (number, caption) in Caption::ALL.into_iter().enumerate() {
            assert_eq!(Caption::numbered(number as i32), caption);
            assert_eq!(caption as usize, number);
        }
        assert_eq!(Caption::numbered(-1), Caption::None);
        assert_eq!(Caption::numbered(Caption::LAST + 1), Caption::None);
    }
}
