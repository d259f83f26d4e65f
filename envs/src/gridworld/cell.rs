//! One grid cell as one byte: object, colour and state together.
//!
//! `MiniGrid` describes a cell by three numbers (type, colour, state). Fewer than 64 of the combinations
//! exist, so a byte holds a cell and a 64-entry table decodes it. The codes are ordered so that each property
//! that the step or the observation asks for is one comparison.

/// The six colours, numbered as `MiniGrid` encodes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Colour {
    /// Encoded 0.
    Red = 0,
    /// Encoded 1.
    Green = 1,
    /// Encoded 2.
    Blue = 2,
    /// Encoded 3.
    Purple = 3,
    /// Encoded 4.
    Yellow = 4,
    /// Encoded 5.
    Grey = 5,
}

impl Colour {
    /// All colours in encoding order.
    pub const ALL: [Self; 6] = [
        Self::Red,
        Self::Green,
        Self::Blue,
        Self::Purple,
        Self::Yellow,
        Self::Grey,
    ];

    /// All colours in alphabetical order: the list that `MiniGrid`'s random colour draws index.
    pub const ALPHABETICAL: [Self; 6] = [
        Self::Blue,
        Self::Green,
        Self::Grey,
        Self::Purple,
        Self::Red,
        Self::Yellow,
    ];

    /// The colour's English name, as missions spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Green => "green",
            Self::Blue => "blue",
            Self::Purple => "purple",
            Self::Yellow => "yellow",
            Self::Grey => "grey",
        }
    }

    /// The colour's full-intensity RGB value.
    pub const fn rgb(self) -> [u8; 3] {
        match self {
            Self::Red => [255, 0, 0],
            Self::Green => [0, 255, 0],
            Self::Blue => [0, 0, 255],
            Self::Purple => [112, 39, 195],
            Self::Yellow => [255, 255, 0],
            Self::Grey => [100, 100, 100],
        }
    }
}

/// What stands in a cell, numbered as `MiniGrid` encodes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Not visible.
    Unseen = 0,
    /// Nothing.
    Empty = 1,
    /// A wall.
    Wall = 2,
    /// A coloured floor tile.
    Floor = 3,
    /// A door.
    Door = 4,
    /// A key.
    Key = 5,
    /// A ball.
    Ball = 6,
    /// A box.
    Box = 7,
    /// The goal square.
    Goal = 8,
    /// Lava.
    Lava = 9,
}

impl Kind {
    /// The kind's English name, as missions spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unseen => "unseen",
            Self::Empty => "empty",
            Self::Wall => "wall",
            Self::Floor => "floor",
            Self::Door => "door",
            Self::Key => "key",
            Self::Ball => "ball",
            Self::Box => "box",
            Self::Goal => "goal",
            Self::Lava => "lava",
        }
    }
}

/// A door's state, numbered as `MiniGrid` encodes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DoorState {
    /// Can be walked through and seen through.
    Open = 0,
    /// Shut; anybody opens it.
    Closed = 1,
    /// Shut; opens with a key of its colour.
    Locked = 2,
}

/// A cell's code.
///
/// ```
/// use prospect_envs::gridworld::{Cell, Colour};
/// assert_eq!(Cell::key(Colour::Yellow).encode(), [5, 4, 0]);
/// assert!(Cell::WALL.is_opaque());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Cell(u8);

const FLOOR: u8 = 4;
const DOOR_OPEN: u8 = 10;
const KEY: u8 = 16;
const BALL: u8 = 22;
const BOX: u8 = 28;
const DOOR_CLOSED: u8 = 34;
const DOOR_LOCKED: u8 = 40;
const WALL: u8 = 46;

/// The first code that hides what is behind it; all later codes do too.
pub(crate) const FIRST_OPAQUE: u8 = DOOR_CLOSED;

impl Cell {
    /// A cell that the agent does not see.
    pub const UNSEEN: Self = Self(0);
    /// Nothing. As something carried: empty hands.
    pub const EMPTY: Self = Self(1);
    /// The green goal square.
    pub const GOAL: Self = Self(2);
    /// Lava.
    pub const LAVA: Self = Self(3);
    /// A grey wall.
    pub const WALL: Self = Self(WALL);
    /// How many codes there are.
    pub const COUNT: usize = WALL as usize + 1;

    /// A floor tile.
    pub const fn floor(colour: Colour) -> Self {
        Self(FLOOR + colour as u8)
    }

    /// A door.
    pub const fn door(colour: Colour, state: DoorState) -> Self {
        let first = match state {
            DoorState::Open => DOOR_OPEN,
            DoorState::Closed => DOOR_CLOSED,
            DoorState::Locked => DOOR_LOCKED,
        };
        Self(first + colour as u8)
    }

    /// A key.
    pub const fn key(colour: Colour) -> Self {
        Self(KEY + colour as u8)
    }

    /// A ball.
    pub const fn ball(colour: Colour) -> Self {
        Self(BALL + colour as u8)
    }

    /// A box (empty: the boxes of the present set hold nothing).
    pub const fn boxed(colour: Colour) -> Self {
        Self(BOX + colour as u8)
    }

    /// The cell of a code; `None` for a byte that is no code.
    pub const fn from_code(code: u8) -> Option<Self> {
        if code <= WALL { Some(Self(code)) } else { None }
    }

    /// The cell that [`Self::encode`] gives this for; `None` if there is none (the agent, or another state).
    pub fn from_encoding(encoding: [u8; 3]) -> Option<Self> {
        (0..=WALL).map(Self).find(|cell| cell.encode() == encoding)
    }

    /// The code, below 64.
    pub const fn code(self) -> u8 {
        self.0
    }

    /// A code that is known to come from a cell column.
    pub(crate) const fn from_column(code: u8) -> Self {
        Self(code)
    }

    /// Whether the agent may stand here: empty, goal, lava, floor, open door.
    pub const fn is_walkable(self) -> bool {
        self.0.wrapping_sub(1) < KEY - 1
    }

    /// Whether the agent can pick it up: key, ball, box.
    pub const fn is_portable(self) -> bool {
        self.0.wrapping_sub(KEY) < DOOR_CLOSED - KEY
    }

    /// Whether it hides what is behind it: wall, closed or locked door.
    pub const fn is_opaque(self) -> bool {
        self.0 >= FIRST_OPAQUE
    }

    /// Whether it is an open door.
    pub const fn is_open_door(self) -> bool {
        self.0.wrapping_sub(DOOR_OPEN) < 6
    }

    /// Whether it is a door that is shut but not locked.
    pub const fn is_closed_door(self) -> bool {
        self.0.wrapping_sub(DOOR_CLOSED) < 6
    }

    /// Whether it is a locked door.
    pub const fn is_locked_door(self) -> bool {
        self.0.wrapping_sub(DOOR_LOCKED) < 6
    }

    /// Whether it is a door in any state.
    pub const fn is_door(self) -> bool {
        self.is_open_door() || self.0.wrapping_sub(DOOR_CLOSED) < 12
    }

    /// Whether it is a key.
    pub const fn is_key(self) -> bool {
        self.0.wrapping_sub(KEY) < 6
    }

    /// Whether `self`, a key in the agent's hands, opens the locked door `door`.
    pub const fn unlocks(self, door: Self) -> bool {
        door.is_locked_door() & (self.0.wrapping_add(DOOR_LOCKED - KEY) == door.0)
    }

    /// What stands here.
    pub const fn kind(self) -> Kind {
        match self.0 {
            0 => Kind::Unseen,
            1 => Kind::Empty,
            2 => Kind::Goal,
            3 => Kind::Lava,
            FLOOR..DOOR_OPEN => Kind::Floor,
            DOOR_OPEN..KEY | DOOR_CLOSED..WALL => Kind::Door,
            KEY..BALL => Kind::Key,
            BALL..BOX => Kind::Ball,
            BOX..DOOR_CLOSED => Kind::Box,
            _ => Kind::Wall,
        }
    }

    /// The colour, where the object has one.
    pub const fn colour(self) -> Option<Colour> {
        match self.0 {
            0 | 1 => None,
            2 => Some(Colour::Green),
            3 => Some(Colour::Red),
            FLOOR..WALL => Some(Colour::ALL[((self.0 - FLOOR) % 6) as usize]),
            _ => Some(Colour::Grey),
        }
    }

    /// A door's state; `None` for anything else.
    pub const fn door_state(self) -> Option<DoorState> {
        if self.is_open_door() {
            Some(DoorState::Open)
        } else if self.is_closed_door() {
            Some(DoorState::Closed)
        } else if self.is_locked_door() {
            Some(DoorState::Locked)
        } else {
            None
        }
    }

    /// `MiniGrid`'s encoding: `[type, colour, state]`.
    pub const fn encode(self) -> [u8; 3] {
        let colour = match self.colour() {
            Some(colour) => colour as u8,
            None => 0,
        };
        let state = match self.door_state() {
            Some(state) => state as u8,
            None => 0,
        };
        [self.kind() as u8, colour, state]
    }

    /// What a toggle by empty hands makes of it: doors flip, boxes vanish, the rest stays.
    pub(crate) const fn toggled(self) -> Self {
        if self.is_open_door() {
            Self(self.0 + (DOOR_CLOSED - DOOR_OPEN))
        } else if self.is_closed_door() {
            Self(self.0 - (DOOR_CLOSED - DOOR_OPEN))
        } else if matches!(self.kind(), Kind::Box) {
            Self::EMPTY
        } else {
            self
        }
    }

    /// The open door that this locked door becomes.
    pub(crate) const fn unlocked(self) -> Self {
        Self(self.0.wrapping_sub(DOOR_LOCKED - DOOR_OPEN))
    }
}

impl std::fmt::Debug for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.colour(), self.door_state()) {
            (Some(colour), Some(state)) => write!(f, "{state:?} {} door", colour.name()),
            (Some(colour), None) => write!(f, "{} {}", colour.name(), self.kind().name()),
            _ => f.write_str(self.kind().name()),
        }
    }
}

/// The encodings of all codes, padded to 64 entries: `ENCODED[code] = [type, colour, state]`.
pub(crate) const ENCODED: [[u8; 3]; 64] = {
    let mut table = [[0; 3]; 64];
    let mut code = 0;
    while code < Cell::COUNT {
        table[code] = Cell(code as u8).encode();
        code += 1;
    }
    table
};

/// What a toggle by hands that hold no fitting key makes of each code.
pub(crate) const TOGGLED: [u8; 64] = {
    let mut table = [0; 64];
    let mut code = 0;
    while code < Cell::COUNT {
        table[code] = Cell(code as u8).toggled().0;
        code += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_distinct_and_as_documented() {
        let mut seen = std::collections::BTreeSet::new();
        for code in 0..Cell::COUNT as u8 {
            assert!(seen.insert(Cell(code).encode()), "{code} shares its encoding");
        }
        assert_eq!(Cell::WALL.encode(), [2, 5, 0]);
        assert_eq!(Cell::GOAL.encode(), [8, 1, 0]);
        assert_eq!(Cell::LAVA.encode(), [9, 0, 0]);
        assert_eq!(Cell::EMPTY.encode(), [1, 0, 0]);
        assert_eq!(Cell::door(Colour::Purple, DoorState::Locked).encode(), [4, 3, 2]);
        assert_eq!(Cell::boxed(Colour::Grey).encode(), [7, 5, 0]);
        assert_eq!(Cell::floor(Colour::Blue).encode(), [3, 2, 0]);
    }

    #[test]
    fn comparisons_agree_with_the_kinds() {
        for code in 0..Cell::COUNT as u8 {
            let cell = Cell(code);
            let walkable = matches!(cell.kind(), Kind::Empty | Kind::Goal | Kind::Lava | Kind::Floor)
                || cell.door_state() == Some(DoorState::Open);
            assert_eq!(cell.is_walkable(), walkable, "{cell:?}");
            assert_eq!(
                cell.is_portable(),
                matches!(cell.kind(), Kind::Key | Kind::Ball | Kind::Box)
            );
            let opaque = cell.kind() == Kind::Wall
                || matches!(cell.door_state(), Some(DoorState::Closed | DoorState::Locked));
            assert_eq!(cell.is_opaque(), opaque, "{cell:?}");
            assert_eq!(cell.is_door(), cell.kind() == Kind::Door);
            assert_eq!(cell.is_key(), cell.kind() == Kind::Key);
        }
    }

    #[test]
    fn only_the_key_of_its_colour_unlocks_a_door() {
        for door in Colour::ALL {
            for code in 0..Cell::COUNT as u8 {
                let fits = Cell(code) == Cell::key(door);
                assert_eq!(Cell(code).unlocks(Cell::door(door, DoorState::Locked)), fits);
                assert!(!Cell(code).unlocks(Cell::door(door, DoorState::Closed)));
            }
            assert_eq!(
                Cell::door(door, DoorState::Locked).unlocked(),
                Cell::door(door, DoorState::Open)
            );
        }
    }
}
