//! Hindsight experience replay (Andrychowicz et al. 2017): drawn transitions judged by goals that were reached.
//!
//! As in Stable-Baselines3's `HerReplayBuffer` goals are replaced when a batch is drawn, in a fixed share of it, and only
//! transitions of episodes that have ended are drawn. Rewards and terminations come from [`GoalReward::judge`].

use std::{fmt, sync::Arc};

use prospect_sim::{
    ACHIEVED_GOAL, DESIRED_GOAL, Dtype, Env, GoalReward, RowLayout, Slice, random::Generator,
};

use crate::{
    config::{HindsightConfig, HindsightStrategy},
    error::AgentError,
    replay::{Pick, Replay, Sample},
};

/// Replaces goals in samples.
pub struct Hindsight {
    config: HindsightConfig,
    env: Arc<dyn Env>,
    achieved: usize,
    desired: usize,
    width: usize,
    /// The new goals, `[n, width]`, the goals achieved, and how `judge` found them.
    goals: Vec<f32>,
    reached: Vec<f32>,
    reward: Vec<f64>,
    success: Vec<bool>,
    before: Vec<bool>,
}

impl fmt::Debug for Hindsight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hindsight")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Hindsight {
    /// For the env, if it is switched on.
    ///
    /// # Errors
    /// [`AgentError::Goals`] if the task has no goals or does not observe them.
    pub fn new(
        config: &HindsightConfig,
        env: &Arc<dyn Env>,
        layout: &RowLayout,
    ) -> Result<Option<Self>, AgentError> {
        if config.strategy == HindsightStrategy::Off {
            return Ok(None);
        }
        let width = env.goals().map(GoalReward::width);
        let component = |name: &str| {
            let found = layout.component(name)?;
            let field = &layout.observation[found];
            (field.dtype == Dtype::F32 && Some(field.width()) == width).then_some(found)
        };
        let refuse = |reason: String| AgentError::Goals {
            env: env.spec().id.clone(),
            reason,
        };
        let width = width.ok_or_else(|| refuse("it has no goals".to_owned()))?;
        let find = |name: &str| {
            component(name).ok_or_else(|| refuse(format!("its observation has no `{name}` of {width} reals")))
        };
        Ok(Some(Self {
            config: *config,
            env: Arc::clone(env),
            achieved: find(ACHIEVED_GOAL)?,
            desired: find(DESIRED_GOAL)?,
            width,
            goals: Vec::new(),
            reached: Vec::new(),
            reward: Vec::new(),
            success: Vec::new(),
            before: Vec::new(),
        }))
    }

    /// Gives the first transitions of `sample` (windows of one step, of episodes that have ended) other goals: in both
    /// observations, the reward, and the termination if success terminates the task's episodes.
    pub fn relabel(&mut self, replay: &Replay, sample: &mut Sample, rng: &mut Generator) {
        let n = self.config.n_virtual(sample.batch());
        self.choose(replay, &sample.picks[..n], rng);
        let batch = sample.batch();
        let Self {
            achieved,
            desired,
            width,
            ..
        } = *self;
        // Row 1 of the observation is what the step led to, in any case.
        let next = batch * width;
        let rollout = &sample.rollout;
        self.reached.clear();
        self.before.clear();
        let old: Vec<f32> = floats(rollout.observation(desired))[next..next + n * width].to_vec();
        self.reached
            .extend_from_slice(&floats(rollout.observation(achieved))[next..next + n * width]);
        self.before.resize(n, false);
        self.reward.resize(n, 0.0);
        self.success.resize(n, false);
        let Some(judge) = self.env.goals() else {
            return;
        };
        judge.judge(&self.reached, &old, &mut self.reward, &mut self.before);
        judge.judge(&self.reached, &self.goals, &mut self.reward, &mut self.success);
        let terminates = judge.success_terminates();
        let columns = sample.rollout.columns_mut();
        for row in [0, next] {
            columns.observation[desired].write(row, Slice::F32(&self.goals));
        }
        columns.final_observation[desired].write(0, Slice::F32(&self.goals));
        columns.reward[..n].copy_from_slice(&self.reward);
        if terminates {
            let flags = columns.terminated.iter_mut().zip(&self.before).zip(&self.success);
            // What ended for another reason than success still ends.
            flags.for_each(|((ended, before), now)| *ended = *now || (*ended && !before));
        }
    }

    /// Draws a goal for each pick.
    fn choose(&mut self, replay: &Replay, picks: &[Pick], rng: &mut Generator) {
        self.goals.clear();
        for pick in picks {
            // Only transitions of ended episodes are drawn; were one not, its own step is its future.
            let last = replay.episode_end(*pick).unwrap_or(pick.row);
            let first = match self.config.strategy {
                HindsightStrategy::Episode => replay.episode_start(*pick),
                HindsightStrategy::Future => pick.row,
                HindsightStrategy::Final | HindsightStrategy::Off => last,
            };
            let row = first + rng.integers(0, (last - first + 1) as i64) as u64;
            let goal = Pick { row, ..*pick };
            self.goals
                .extend_from_slice(floats(replay.achieved(self.achieved, goal)));
        }
    }
}

fn floats(slice: Slice<'_>) -> &[f32] {
    slice.as_f32().unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use prospect_sim::{ActionSpace, EnvRows, EnvSpec, Field, Rollout, ShardBuilder, SimError};

    use super::*;
    use crate::replay::{Draw, Eligible};

    /// Where one is after as many steps as the position says; goals are met to the number.
    struct Road {
        spec: EnvSpec,
        has_goals: bool,
        terminates: bool,
    }

    impl Env for Road {
        fn spec(&self) -> &EnvSpec {
            &self.spec
        }

        fn build(&self, _: &mut ShardBuilder<'_>) -> Result<Box<dyn EnvRows>, SimError> {
            Err(SimError::Config {
                key: "env",
                value: "road".to_owned(),
                remedy: "tests step it by hand".to_owned(),
            })
        }

        fn goals(&self) -> Option<&dyn GoalReward> {
            self.has_goals.then_some(self)
        }
    }

    impl GoalReward for Road {
        fn width(&self) -> usize {
            2
        }

        fn judge(&self, achieved: &[f32], desired: &[f32], reward: &mut [f64], success: &mut [bool]) {
            let pairs = achieved.chunks_exact(2).zip(desired.chunks_exact(2));
            for (i, (achieved, desired)) in pairs.enumerate() {
                success[i] = achieved == desired;
                reward[i] = f64::from(achieved[0] - desired[0]);
            }
        }

        fn success_terminates(&self) -> bool {
            self.terminates
        }
    }

    fn road(has_goals: bool, terminates: bool, components: [&str; 3]) -> Arc<dyn Env> {
        let real = |name: &str| Field::new(name, Dtype::F32, &[2], 0.0, 99.0);
        let spec = EnvSpec {
            id: "Road-v0".to_owned(),
            family: "Road".to_owned(),
            doc: String::new(),
            observation: components.map(real).to_vec(),
            actions: ActionSpace::Continuous {
                low: vec![-1.0],
                high: vec![1.0],
            },
            action_names: vec![],
            max_steps: None,
            reward_range: (-99.0, 99.0),
            agents_per_env: 1,
            facts: vec![],
        };
        Arc::new(Road {
            spec,
            has_goals,
            terminates,
        })
    }

    const NAMES: [&str; 3] = ["observation", ACHIEVED_GOAL, DESIRED_GOAL];

    /// Lengths of the episodes of both actors, one after the other; the last of each has not ended when the rows do.
    const LENGTHS: [&[usize]; 2] = [&[5, 3, 4, 9], &[2, 9, 30]];
    const ROWS: usize = 14;

    fn layout(env: &Arc<dyn Env>) -> RowLayout {
        RowLayout {
            n_envs: 2,
            agents_per_env: 1,
            observation: env.spec().observation.clone(),
            state_facts: vec![],
            event_facts: vec![],
            actions: env.spec().actions.clone(),
        }
    }

    /// The first row and the length of the episode that row `row` of an actor belongs to.
    fn episode(actor: usize, row: usize) -> (usize, usize) {
        let mut start = 0;
        for &length in LENGTHS[actor] {
            if row < start + length {
                return (start, length);
            }
            start += length;
        }
        (start, 0)
    }

    /// Achieved: `[row, actor]`, half a row more at the end of an episode; desired: `[100 + start of the episode, actor]`.
    /// The steps that end an episode terminate it for actor 0.
    fn replay(env: &Arc<dyn Env>) -> Replay {
        let mut rollout = Rollout::new(&layout(env), ROWS);
        let columns = rollout.columns_mut();
        for row in 0..=ROWS {
            for actor in 0..2 {
                let at = 2 * row + actor;
                let (start, length) = episode(actor, row);
                let (here, goal) = ([row as f32, actor as f32], [100.0 + start as f32, actor as f32]);
                for (component, value) in [here, here, goal].iter().enumerate() {
                    columns.observation[component].write(2 * at, Slice::F32(value));
                }
                if row < ROWS && row + 1 == start + length {
                    let end = [row as f32 + 0.5, actor as f32];
                    for (component, value) in [end, end, goal].iter().enumerate() {
                        columns.final_observation[component].write(2 * at, Slice::F32(value));
                    }
                    columns.terminated[at] = actor == 0;
                    columns.truncated[at] = actor == 1;
                }
            }
        }
        let mut replay = Replay::new(rollout.layout(), 0, 2 * ROWS).unwrap();
        replay.push(&rollout, |_| &[]).unwrap();
        replay
    }

    fn config(strategy: HindsightStrategy, n_sampled_goal: usize) -> HindsightConfig {
        HindsightConfig {
            strategy,
            n_sampled_goal,
        }
    }

    /// What the step of `pick` led to.
    fn achieved(pick: Pick, row: usize) -> f32 {
        let (start, length) = episode(pick.actor as usize, pick.row as usize);
        if row + 1 == start + length {
            row as f32 + 0.5
        } else {
            row as f32 + 1.0
        }
    }

    /// Draws batches and hands each transition over: its pick, whether it was relabelled, desired goals of both rows and the
    /// final one, reward, terminated.
    fn draw(
        env: &Arc<dyn Env>,
        config: HindsightConfig,
        mut see: impl FnMut(Pick, bool, [f32; 2], f64, bool),
    ) {
        let replay = replay(env);
        let mut hindsight = Hindsight::new(&config, env, replay.layout()).unwrap().unwrap();
        let (mut rng, batch) = (Generator::named(1, "hindsight"), 10);
        let mut sample = Sample::new(&replay, 1, batch).unwrap();
        for _ in 0..400 {
            let how = Draw::Uniform(Eligible::EndedEpisodes);
            replay.draw(how, &mut rng, &mut sample).unwrap();
            hindsight.relabel(&replay, &mut sample, &mut rng);
            let desired = floats(sample.rollout.observation(2));
            for (b, &pick) in sample.picks.iter().enumerate() {
                let (now, next) = (&desired[2 * b..2 * b + 2], &desired[2 * (batch + b)..][..2]);
                assert_eq!(now, next, "the goal is the same before and after the step");
                if sample.rollout.ended(0, b) {
                    assert_eq!(
                        now,
                        &floats(sample.rollout.final_observation(2))[2 * b..2 * b + 2]
                    );
                }
                assert_eq!(now[1], pick.actor as f32, "a goal of another actor");
                let start = episode(pick.actor as usize, pick.row as usize).0;
                let is_virtual = now[0] != 100.0 + start as f32;
                let (reward, terminated) = (sample.rollout.reward()[b], sample.rollout.terminated()[b]);
                see(pick, is_virtual, [now[0], now[1]], reward, terminated);
            }
        }
    }

    #[test]
    fn each_strategy_draws_from_its_part_of_the_episode() {
        let env = road(true, false, NAMES);
        let (mut earliest, mut own) = (false, false);
        for strategy in [
            HindsightStrategy::Final,
            HindsightStrategy::Future,
            HindsightStrategy::Episode,
        ] {
            let mut seen = std::collections::BTreeSet::new();
            draw(&env, config(strategy, 4), |pick, is_virtual, goal, reward, _| {
                let (start, length) = episode(pick.actor as usize, pick.row as usize);
                assert!(start + length <= ROWS, "an episode that has not ended was drawn");
                if !is_virtual {
                    return;
                }
                let first = match strategy {
                    HindsightStrategy::Final => start + length - 1,
                    HindsightStrategy::Future => pick.row as usize,
                    _ => start,
                };
                let allowed: Vec<f32> = (first..start + length).map(|row| achieved(pick, row)).collect();
                assert!(
                    allowed.contains(&goal[0]),
                    "{strategy:?}: {goal:?} is none of {allowed:?}"
                );
                let reached = achieved(pick, pick.row as usize);
                assert_eq!(
                    reward,
                    f64::from(reached - goal[0]),
                    "the reward is that of the new goal"
                );
                earliest |= strategy == HindsightStrategy::Episode && goal[0] < reached;
                own |= strategy == HindsightStrategy::Future && goal[0] == reached;
                seen.insert((pick, goal[0].to_bits()));
            });
            // All 23 transitions of ended episodes come up, each with every goal that it may have.
            let all = match strategy {
                HindsightStrategy::Final => 23,
                HindsightStrategy::Future => 15 + 6 + 10 + 3 + 45,
                _ => 25 + 9 + 16 + 4 + 81,
            };
            assert_eq!(seen.len(), all, "{strategy:?}");
        }
        assert!(earliest && own);
    }

    #[test]
    fn the_share_of_other_goals_is_that_of_the_setting() {
        let env = road(true, false, NAMES);
        for (n_sampled_goal, expected) in [(4, 0.8), (1, 0.5), (9, 0.9)] {
            let (mut all, mut others) = (0.0, 0.0);
            draw(
                &env,
                config(HindsightStrategy::Future, n_sampled_goal),
                |_, is_virtual, _, _, _| {
                    all += 1.0;
                    others += f64::from(u8::from(is_virtual));
                },
            );
            assert_eq!(others / all, expected, "k = {n_sampled_goal}");
        }
    }

    #[test]
    fn ends_are_those_of_the_new_goal_only_if_success_ends_episodes() {
        for terminates in [false, true] {
            let env = road(true, terminates, NAMES);
            let mut successes = 0;
            let strategy = config(HindsightStrategy::Future, 4);
            draw(&env, strategy, |pick, is_virtual, goal, _, terminated| {
                let (start, length) = episode(pick.actor as usize, pick.row as usize);
                // The recorded ends of actor 0 are no successes, so they stay ends.
                let ended = pick.actor == 0 && pick.row as usize + 1 == start + length;
                let succeeded = is_virtual && goal[0] == achieved(pick, pick.row as usize);
                assert_eq!(terminated, ended || (terminates && succeeded));
                successes += usize::from(succeeded);
            });
            assert!(successes > 100);
        }
    }

    #[test]
    fn tasks_without_goals_are_refused() {
        let refusal = |has_goals: bool, components: [&str; 3]| {
            let env = road(has_goals, true, components);
            let strategy = config(HindsightStrategy::Future, 4);
            Hindsight::new(&strategy, &env, &layout(&env))
                .unwrap_err()
                .to_string()
        };
        let error = refusal(false, NAMES);
        assert!(
            error.contains("Road-v0") && error.contains("hindsight = \"off\""),
            "{error}"
        );
        let error = refusal(true, ["observation", "achieved", DESIRED_GOAL]);
        assert!(error.contains("`achieved_goal`"), "{error}");
        let env = road(false, true, NAMES);
        let off = config(HindsightStrategy::Off, 4);
        assert!(Hindsight::new(&off, &env, &layout(&env)).unwrap().is_none());
    }
}
