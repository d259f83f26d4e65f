//! The motion of the ball: MuJoCo's formulas for a sphere on two slides among boxes, solved exactly.
//!
//! One step of MuJoCo's default integrator (semi-implicit Euler, joint damping implicit) with its soft contacts
//! ("Computation" in its documentation; default `solref` and `solimp`): each contact is a spring that acts on the
//! acceleration, and the accelerations minimise `m/2 |a - a_free|² + sum D/2 min(0, n·a - a_ref)²`. MuJoCo iterates to that
//! minimum within a tolerance; with two degrees of freedom it is found exactly.

use arrayvec::ArrayVec;

use super::maze::Maze;

/// Radius of the ball in m.
pub(super) const RADIUS: f64 = 0.1;
/// Velocities are clipped to this before each step, per axis, in m/s.
pub(super) const MAX_SPEED: f64 = 5.0;
/// Mass in kg: density 1000 kg/m³.
const MASS: f64 = 1000.0 * 4.0 / 3.0 * std::f64::consts::PI * RADIUS * RADIUS * RADIUS;
const DT_S: f64 = 0.01;
/// Joint damping, in N s/m.
const DAMPING: f64 = 1.0;
/// Force in N of an action of 1.
const GEAR: f64 = 100.0;
/// Contacts act from this distance on: the sum of both geoms' margins.
const MARGIN: f64 = 0.004;
/// `solimp`: impedance at the margin, deep inside, and over which way it grows.
const IMPEDANCE: [f64; 2] = [0.9, 0.95];
const IMPEDANCE_WIDTH: f64 = 0.001;
/// `solref`: time constant in s, at critical damping.
const TIME_CONSTANT_S: f64 = 0.02;
const STIFFNESS: f64 = 1.0 / (IMPEDANCE[1] * IMPEDANCE[1] * TIME_CONSTANT_S * TIME_CONSTANT_S);
const CONTACT_DAMPING: f64 = 2.0 / (IMPEDANCE[1] * TIME_CONSTANT_S);
/// Sets of acting contacts that are tried: more than there are with four contacts.
const MAX_SETS: usize = 20;

/// A wall in reach.
struct Contact {
    /// Away from the wall.
    normal: [f64; 2],
    /// Force per missing acceleration, in kg.
    weight: f64,
    /// The acceleration along the normal that the contact asks for.
    wanted: f64,
}

type Contacts = ArrayVec<Contact, 4>;

fn dot(a: [f64; 2], b: [f64; 2]) -> f64 {
    a[0] * b[0] + a[1] * b[1]
}

/// From `at` to the nearest point of the wall around `wall`.
fn to_wall(at: [f64; 2], wall: [f64; 2]) -> [f64; 2] {
    std::array::from_fn(|i| {
        let local = at[i] - wall[i];
        local.clamp(-0.5, 0.5) - local
    })
}

/// MuJoCo's impedance at a distance (not positive) from the margin: a parabola up, one down.
fn impedance(depth: f64) -> f64 {
    let x = (depth.abs() / IMPEDANCE_WIDTH).min(1.0);
    let y = if x <= 0.5 {
        2.0 * x * x
    } else {
        1.0 - 2.0 * (1.0 - x) * (1.0 - x)
    };
    IMPEDANCE[0] + y * (IMPEDANCE[1] - IMPEDANCE[0])
}

fn contacts(maze: &Maze, position: [f64; 2], velocity: [f64; 2]) -> Contacts {
    let mut contacts = Contacts::new();
    for wall in maze.walls_near(position, RADIUS + MARGIN) {
        let gap = to_wall(position, wall);
        let distance = dot(gap, gap).sqrt();
        let depth = distance - RADIUS - MARGIN;
        // A centre inside a box is pushed out through the floor, which the slides do not follow.
        if depth >= 0.0 || distance == 0.0 {
            continue;
        }
        let normal = gap.map(|value| -value / distance);
        let impedance = impedance(depth);
        contacts.push(Contact {
            normal,
            weight: MASS * impedance / (1.0 - impedance),
            wanted: -CONTACT_DAMPING * dot(normal, velocity) - STIFFNESS * impedance * depth,
        });
    }
    contacts
}

/// The force of the contacts if `free` is the acceleration without them.
fn contact_force(contacts: &Contacts, free: [f64; 2]) -> [f64; 2] {
    let acts = |acceleration| {
        let acting = contacts
            .iter()
            .map(move |contact| dot(contact.normal, acceleration) < contact.wanted);
        acting
            .enumerate()
            .fold(0_u8, |set, (i, acting)| set | u8::from(acting) << i)
    };
    let chosen = |set: u8| {
        let all = contacts.iter().enumerate();
        all.filter(move |(i, _)| set >> i & 1 == 1)
            .map(|(_, contact)| contact)
    };
    let mut acceleration = free;
    let mut set = acts(acceleration);
    for _ in 0..MAX_SETS {
        // Newton's step for this set: a symmetric system of two equations.
        let mut right = free.map(|value| MASS * value);
        let (mut xx, mut xy, mut yy) = (MASS, 0.0, MASS);
        for Contact {
            normal: [x, y],
            weight,
            wanted,
        } in chosen(set)
        {
            xx += weight * x * x;
            xy += weight * x * y;
            yy += weight * y * y;
            right[0] += weight * wanted * x;
            right[1] += weight * wanted * y;
        }
        let determinant = xx * yy - xy * xy;
        acceleration = [
            (yy * right[0] - xy * right[1]) / determinant,
            (xx * right[1] - xy * right[0]) / determinant,
        ];
        let next = acts(acceleration);
        if next == set {
            break;
        }
        set = next;
    }
    let mut force = [0.0; 2];
    for contact in chosen(set) {
        let push = contact.weight * (contact.wanted - dot(contact.normal, acceleration));
        force[0] += push * contact.normal[0];
        force[1] += push * contact.normal[1];
    }
    force
}

/// One step of 0.01 s.
pub(super) fn step(maze: &Maze, position: &mut [f64; 2], velocity: &mut [f64; 2], action: [f32; 2]) {
    let clipped = velocity.map(|value| value.clamp(-MAX_SPEED, MAX_SPEED));
    let mut force: [f64; 2] =
        std::array::from_fn(|i| GEAR * f64::from(action[i].clamp(-1.0, 1.0)) - DAMPING * clipped[i]);
    let contacts = contacts(maze, *position, clipped);
    if !contacts.is_empty() {
        let push = contact_force(&contacts, force.map(|value| value / MASS));
        force[0] += push[0];
        force[1] += push[1];
    }
    for i in 0..2 {
        velocity[i] = clipped[i] + DT_S * (force[i] / (MASS + DT_S * DAMPING));
        position[i] += DT_S * velocity[i];
    }
}

/// True if a ball at `at` touches no wall.
pub(super) fn is_free(maze: &Maze, at: [f64; 2]) -> bool {
    maze.walls_near(at, RADIUS).all(|wall| {
        let gap = to_wall(at, wall);
        dot(gap, gap) >= RADIUS * RADIUS
    })
}

#[cfg(test)]
mod tests {
    use super::super::maze::Layout;
    use super::*;

    #[test]
    fn free_flight_is_a_damped_push() {
        let maze = Maze::new(Layout::Open);
        let (mut position, mut velocity) = ([0.0; 2], [1.0, -7.0]);
        step(&maze, &mut position, &mut velocity, [0.5, -9.0]);
        // v' = v + h (F - v) / (m + h) with v clipped to 5 and the action to 1.
        let expected = [
            1.0 + 0.01 * 49.0 / (MASS + 0.01),
            -5.0 + 0.01 * -95.0 / (MASS + 0.01),
        ];
        for i in 0..2 {
            assert!((velocity[i] - expected[i]).abs() < 1e-14);
            assert!((position[i] - 0.01 * velocity[i]).abs() < 1e-15);
        }
    }

    #[test]
    fn walls_stop_the_ball_and_let_it_slide() {
        let maze = Maze::new(Layout::Open);
        let (mut position, mut velocity) = ([0.0; 2], [0.0; 2]);
        let mut furthest: f64 = 0.0;
        for _ in 0..300 {
            step(&maze, &mut position, &mut velocity, [0.3, 1.0]);
            furthest = furthest.max(position[1]);
        }
        // The wall begins at y = 1.5. It is soft: the centre comes nearer than the radius, but not to the wall.
        assert!((1.40..1.43).contains(&furthest), "{furthest}");
        assert!(velocity[1].abs() < 1e-3 && position[1] > 1.39);
        // Along the wall nothing holds the ball, until the next wall at x = 2.5.
        assert!((2.39..2.41).contains(&position[0]), "{position:?}");
    }
}
