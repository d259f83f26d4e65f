//! The bodies that move in the envs of a rollout, as arrays padded to the most that any env has had at once.

use anyhow::Result;
use prospect_sim::{BodyState, Rollout, VecEnv};

use crate::npz::NpzOut;

/// Bodies per state row and env, and at the ends of episodes.
pub(crate) struct BodyTape {
    n_envs: usize,
    /// `[T+1, n_envs]` lists.
    states: Vec<Vec<BodyState>>,
    /// `[T, n_envs]` lists, empty where no episode ended.
    finals: Vec<Vec<BodyState>>,
}

impl BodyTape {
    pub(crate) fn new(n_envs: usize) -> Self {
        Self {
            n_envs,
            states: Vec::new(),
            finals: Vec::new(),
        }
    }

    fn take(envs: &mut VecEnv, env: usize, ended: bool) -> Vec<BodyState> {
        let mut list = Vec::new();
        envs.bodies(env, ended, &mut list);
        list
    }

    /// Takes what a reset has made.
    pub(crate) fn first(&mut self, envs: &mut VecEnv) {
        self.states
            .extend((0..self.n_envs).map(|env| Self::take(envs, env, false)));
    }

    /// Takes what step `t` has led to.
    pub(crate) fn step(&mut self, envs: &mut VecEnv, rollout: &Rollout, t: usize) {
        self.first(envs);
        let agents = envs.actors() / self.n_envs;
        for env in 0..self.n_envs {
            let ended = (env * agents..(env + 1) * agents).all(|actor| rollout.ended(t, actor));
            self.finals.push(if ended {
                Self::take(envs, env, true)
            } else {
                Vec::new()
            });
        }
    }

    /// Adds the arrays, if there is any body at all.
    pub(crate) fn write(&self, out: &mut NpzOut) -> Result<()> {
        let most = self
            .states
            .iter()
            .chain(&self.finals)
            .map(Vec::len)
            .max()
            .unwrap_or(0);
        if most == 0 {
            return Ok(());
        }
        Padded {
            lists: &self.states,
            n_envs: self.n_envs,
            most,
        }
        .write(out, "")?;
        Padded {
            lists: &self.finals,
            n_envs: self.n_envs,
            most,
        }
        .write(out, "final_")
    }
}

/// Lists of bodies that are written with one length.
struct Padded<'a> {
    lists: &'a [Vec<BodyState>],
    n_envs: usize,
    most: usize,
}

impl Padded<'_> {
    fn slots<T>(&self, of: impl Fn(Option<&BodyState>) -> T) -> impl Iterator<Item = T> {
        self.lists
            .iter()
            .flat_map(move |list| (0..self.most).map(move |slot| list.get(slot)))
            .map(of)
    }

    fn write(&self, out: &mut NpzOut, prefix: &str) -> Result<()> {
        let name = |array: &str| format!("{prefix}{array}");
        let shape = [self.lists.len() / self.n_envs, self.n_envs, self.most];
        let positions = self.slots(|body| body.map_or([0.0; 2], |body| body.position));
        out.array(
            &name("position"),
            &[shape[0], shape[1], shape[2], 2],
            positions.flatten(),
        )?;
        let headings = self.slots(|body| body.map_or(0.0, |body| body.heading));
        out.array(&name("heading"), &shape, headings)?;
        let speeds = self.slots(|body| body.map_or(0.0, |body| body.speed_mps));
        out.array(&name("speed"), &shape, speeds)?;
        out.array(
            &name("crashed"),
            &shape,
            self.slots(|body| body.is_some_and(|body| body.crashed)),
        )?;
        out.array(&name("present"), &shape, self.slots(|body| body.is_some()))
    }
}
