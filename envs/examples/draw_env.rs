//! Draws an env after some random steps.
//!
//! `cargo run --release -p prospect-envs --example draw_env -- ID OUT.png [STEPS] [OPTIONS-JSON] [TILE]`

use std::error::Error;

use image::{ExtendedColorType, save_buffer};
use prospect_envs::{Options, Registry};
use prospect_sim::random::Generator;
use prospect_sim::{ActionSpace, Rollout, Seeds, VecEnv, VecEnvConfig};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [id, out, rest @ ..] = &arguments[..] else {
        return Err("give an id and a file".into());
    };
    let steps: usize = rest.first().map_or(Ok(0), |text| text.parse())?;
    let options: Options = rest
        .get(1)
        .map_or(Ok(Options::new()), |text| serde_json::from_str(text))?;
    let tile: usize = rest.get(2).map_or(Ok(32), |text| text.parse())?;
    let env = Registry::with_builtin().make(id, &options)?;
    let mut vec = VecEnv::new(env, &VecEnvConfig::of(1))?;
    let mut rollout = Rollout::new(vec.layout(), 1);
    vec.reset(Seeds::Base(0), rollout.first_row_mut())?;
    let mut rng = Generator::default_rng(0);
    for _ in 0..steps {
        match &vec.layout().actions {
            ActionSpace::Discrete { n } => {
                let action = rng.choice(*n) as i32;
                rollout.discrete_actions_mut(0).fill(action);
            }
            ActionSpace::MultiDiscrete { .. } => return Err("no multi-discrete actions".into()),
            ActionSpace::Continuous { low, high } => {
                let bounds = low.iter().zip(high).cycle();
                for (value, (low, high)) in rollout.continuous_actions_mut(0).iter_mut().zip(bounds) {
                    *value = rng.uniform(f64::from(*low), f64::from(*high)) as f32;
                }
            }
        }
        let (actions, row) = rollout.step_mut(0);
        vec.step(actions, row)?;
    }
    let frame = vec.render(0, tile).ok_or("this env draws no pictures")?;
    save_buffer(
        out,
        &frame.rgb,
        frame.width as u32,
        frame.height as u32,
        ExtendedColorType::Rgb8,
    )?;
    Ok(())
}
