//! Where cells lie in memory: one flat column for all instances of a shard.
//!
//! An instance owns `stride` bytes. Lines of cells are `pitch = width + 6` bytes apart and six lines of wall
//! follow the last one. The six bytes after a line are at once the right margin of that line and the left
//! margin of the next, and the six lines after an instance are at once its lower margin and the upper margin
//! of the next instance; so every 7x7 window that starts in the grid can be read without a bounds test, and
//! what lies outside the grid reads as wall, as in `MiniGrid`.

use super::cell::Cell;

/// Cells a window reaches beyond the agent.
pub(crate) const MARGIN: usize = 6;
/// Bytes of wall after the last instance, so that wide loads may run over.
const TAIL: usize = 192;

/// The size of a grid and the distances between its cells in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    width: usize,
    height: usize,
}

impl Geometry {
    /// The geometry of a grid of `width` x `height` cells.
    pub const fn new(width: usize, height: usize) -> Self {
        Self { width, height }
    }

    /// Cells along x.
    pub const fn width(self) -> usize {
        self.width
    }

    /// Cells along y.
    pub const fn height(self) -> usize {
        self.height
    }

    /// Bytes from a cell to the one below it.
    pub const fn pitch(self) -> usize {
        self.width + MARGIN
    }

    /// Bytes from a cell to the same cell of the next instance.
    pub const fn stride(self) -> usize {
        self.pitch() * (self.height + MARGIN)
    }

    /// A cell's place in its instance's bytes.
    pub const fn place(self, x: usize, y: usize) -> u32 {
        (y * self.pitch() + x) as u32
    }

    /// The cell (x, y) at a place.
    pub const fn coordinates(self, place: u32) -> (usize, usize) {
        (place as usize % self.pitch(), place as usize / self.pitch())
    }

    /// The change of place of one step per heading: right, down, left, up.
    pub const fn headings(self) -> [i32; 4] {
        [1, self.pitch() as i32, -1, -(self.pitch() as i32)]
    }
}

/// The cells of all instances of a shard.
#[derive(Debug, Clone)]
pub struct CellColumn {
    geometry: Geometry,
    lead: usize,
    bytes: Vec<u8>,
}

impl CellColumn {
    /// A column for `rows` instances, all wall.
    pub fn new(geometry: Geometry, rows: usize) -> Self {
        let lead = MARGIN * geometry.pitch() + MARGIN;
        let bytes = vec![Cell::WALL.code(); lead + rows * geometry.stride() + TAIL];
        Self {
            geometry,
            lead,
            bytes,
        }
    }

    /// The grid's geometry.
    pub const fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// The byte where instance `row` starts: its cell (0, 0).
    pub(crate) const fn origin(&self, row: usize) -> usize {
        self.lead + row * self.geometry.stride()
    }

    /// All bytes, margins included.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The codes of each instance in turn.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes[self.lead..].chunks_exact(self.geometry.stride())
    }

    /// The codes of each instance in turn, to be changed.
    pub(crate) fn rows_mut(&mut self) -> impl Iterator<Item = &mut [u8]> {
        self.bytes[self.lead..].chunks_exact_mut(self.geometry.stride())
    }

    /// The grid of instance `row`.
    pub fn board(&self, row: usize) -> Board<'_> {
        let origin = self.origin(row);
        Board {
            geometry: self.geometry,
            cells: &self.bytes[origin..origin + self.geometry.stride()],
        }
    }

    /// The grid of instance `row`, to be changed.
    pub fn board_mut(&mut self, row: usize) -> BoardMut<'_> {
        let origin = self.origin(row);
        let stride = self.geometry.stride();
        BoardMut {
            geometry: self.geometry,
            cells: &mut self.bytes[origin..origin + stride],
        }
    }
}

/// One instance's grid.
#[derive(Debug, Clone, Copy)]
pub struct Board<'a> {
    geometry: Geometry,
    cells: &'a [u8],
}

impl<'a> Board<'a> {
    /// The grid's geometry.
    pub const fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// The cell at (x, y).
    pub fn get(&self, x: usize, y: usize) -> Cell {
        self.at(self.geometry.place(x, y))
    }

    /// The cell at a place.
    pub fn at(&self, place: u32) -> Cell {
        Cell::from_column(self.cells[place as usize])
    }

    /// The codes with their margins, `stride` bytes.
    pub(crate) const fn codes(&self) -> &'a [u8] {
        self.cells
    }

    /// All cells with their coordinates, line by line.
    pub fn cells(&self) -> impl Iterator<Item = (usize, usize, Cell)> + '_ {
        let (width, height) = (self.geometry.width, self.geometry.height);
        (0..height).flat_map(move |y| (0..width).map(move |x| (x, y, self.get(x, y))))
    }

    /// `MiniGrid`'s `grid.encode()`: `[width, height, 3]`, x first, without the agent.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.geometry.width * self.geometry.height * 3);
        for x in 0..self.geometry.width {
            for y in 0..self.geometry.height {
                out.extend_from_slice(&self.get(x, y).encode());
            }
        }
        out
    }
}

/// One instance's grid, to be changed.
#[derive(Debug)]
pub struct BoardMut<'a> {
    geometry: Geometry,
    cells: &'a mut [u8],
}

impl BoardMut<'_> {
    /// The same grid for reading.
    pub fn view(&self) -> Board<'_> {
        Board {
            geometry: self.geometry,
            cells: self.cells,
        }
    }

    /// The grid's geometry.
    pub const fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// The cell at (x, y).
    pub fn get(&self, x: usize, y: usize) -> Cell {
        self.view().get(x, y)
    }

    /// Puts a cell at (x, y).
    pub fn set(&mut self, x: usize, y: usize, cell: Cell) {
        debug_assert!(
            x < self.geometry.width && y < self.geometry.height,
            "({x}, {y}) is outside the grid"
        );
        self.cells[y * self.geometry.pitch() + x] = cell.code();
    }

    /// Copies a whole instance (margins included) from a template of the same geometry.
    pub(crate) fn copy_from(&mut self, template: &[u8]) {
        self.cells.copy_from_slice(template);
    }

    /// The codes with their margins, `stride` bytes.
    pub(crate) fn codes_mut(&mut self) -> &mut [u8] {
        self.cells
    }

    /// Makes every cell of the grid empty.
    pub fn clear(&mut self) {
        let (pitch, width) = (self.geometry.pitch(), self.geometry.width);
        for line in self.cells.chunks_exact_mut(pitch).take(self.geometry.height) {
            line[..width].fill(Cell::EMPTY.code());
        }
    }

    /// A horizontal run of `cell` from (x, y).
    pub fn draw_across(&mut self, x: usize, y: usize, length: usize, cell: Cell) {
        let first = y * self.geometry.pitch() + x;
        self.cells[first..first + length].fill(cell.code());
    }

    /// A vertical run of `cell` from (x, y).
    pub fn draw_down(&mut self, x: usize, y: usize, length: usize, cell: Cell) {
        for line in y..y + length {
            self.set(x, line, cell);
        }
    }

    /// The outline of a rectangle in wall.
    pub fn draw_room(&mut self, x: usize, y: usize, width: usize, height: usize) {
        self.draw_across(x, y, width, Cell::WALL);
        self.draw_across(x, y + height - 1, width, Cell::WALL);
        self.draw_down(x, y, height, Cell::WALL);
        self.draw_down(x + width - 1, y, height, Cell::WALL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_every_cell_stay_inside_the_column_and_margins_are_wall() {
        let geometry = Geometry::new(5, 4);
        let mut column = CellColumn::new(geometry, 3);
        for row in 0..3 {
            column.board_mut(row).clear();
        }
        for row in 0..3 {
            for y in -6_i64..10 {
                for x in -6_i64..11 {
                    let byte = column.origin(row) as i64 + y * geometry.pitch() as i64 + x;
                    let code = column.bytes()[usize::try_from(byte).unwrap()];
                    let inside = (0..5).contains(&x) && (0..4).contains(&y);
                    assert_eq!(code == Cell::EMPTY.code(), inside, "row {row} ({x}, {y})");
                }
            }
        }
    }

    #[test]
    fn places_and_coordinates_are_inverse() {
        let geometry = Geometry::new(7, 9);
        for y in 0..9 {
            for x in 0..7 {
                assert_eq!(geometry.coordinates(geometry.place(x, y)), (x, y));
            }
        }
    }
}
