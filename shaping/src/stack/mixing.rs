//! Raw channels mixed into streams, and what is logged of them.

use prospect_sim::Rollout;

use super::RewardStack;
use crate::{
    config::Mix,
    mixed::{AdvantageTerm, Channel, Mixed, Stream},
    module::Metrics,
    normalise::Moments,
};

impl RewardStack {
    /// Normalises, clips, weighs and adds up, by the statistics as they are.
    pub(super) fn mix(&self, rollout: &Rollout, raws: Vec<Vec<f32>>, frames: u64) -> Mixed {
        let mut mixed = Mixed::default();
        let alive = rollout.alive();
        let w_ext = self.extrinsic.weight.at(frames);
        let mut task: Vec<f64> = rollout.reward().iter().map(|r| w_ext * r).collect();
        for (entry, raw) in self.entries.iter().zip(raws) {
            let config = &entry.config;
            let weight = config.weight.at(frames);
            let mut reward = vec![0.0; raw.len()];
            entry.normaliser.apply(&raw, alive, &mut reward);
            for (value, alive) in reward.iter_mut().zip(alive) {
                *value = if *alive { config.clip.apply(*value) } else { 0.0 };
            }
            let weighted: Vec<f32> = reward.iter().map(|r| (weight * f64::from(*r)) as f32).collect();
            match config.mix {
                Mix::Add if weight != 0.0 => {
                    task.iter_mut()
                        .zip(&reward)
                        .for_each(|(sum, r)| *sum += weight * f64::from(*r));
                }
                Mix::Add => {}
                Mix::OwnValueHead => mixed.streams.push(Stream {
                    name: config.name.clone(),
                    weight,
                    gamma: config.gamma,
                    gae_lambda: config.gae_lambda,
                    episodic: config.episodic,
                    reward,
                }),
                Mix::Advantage => mixed.advantage.push(AdvantageTerm {
                    name: config.name.clone(),
                    weight,
                    value: reward,
                }),
            }
            mixed.channels.push(Channel {
                name: config.name.clone(),
                raw,
                mixed: weighted,
            });
        }
        mixed.task = task.into_iter().map(|sum| sum as f32).collect();
        mixed
    }

    /// The same, with [`Mixed::metrics`].
    pub(super) fn mix_and_log(&self, rollout: &Rollout, raws: Vec<Vec<f32>>, frames: u64) -> Mixed {
        let mut mixed = self.mix(rollout, raws, frames);
        let (mut metrics, alive) = (Metrics::new(), rollout.alive());
        let weight = self.extrinsic.weight.at(frames);
        let extrinsic: Vec<f32> = rollout.reward().iter().map(|r| *r as f32).collect();
        let weighted = rollout.reward().iter().map(|r| weight * r);
        log_raw(&mut metrics, "extrinsic", &extrinsic, alive, weight);
        log_mean(&mut metrics, "extrinsic", weighted, alive);
        for (config, channel) in self.configs().zip(&mixed.channels) {
            let weighted = channel.mixed.iter().map(|x| f64::from(*x));
            log_raw(
                &mut metrics,
                &channel.name,
                &channel.raw,
                alive,
                config.weight.at(frames),
            );
            log_mean(&mut metrics, &channel.name, weighted, alive);
        }
        mixed.metrics = metrics;
        mixed
    }
}

fn log_raw(metrics: &mut Metrics, name: &str, raw: &[f32], alive: &[bool], weight: f64) {
    let values = raw
        .iter()
        .zip(alive)
        .filter(|(_, alive)| **alive)
        .map(|(x, _)| f64::from(*x));
    let moments = Moments::of(values.clone());
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    let mut log = |key: &str, value: f64| metrics.insert(format!("reward/{name}/{key}"), value);
    log("raw_mean", moments.mean());
    log("raw_std", moments.variance().sqrt());
    log("raw_min", low);
    log("raw_max", high);
    log("weight", weight);
}

fn log_mean(metrics: &mut Metrics, name: &str, mixed: impl Iterator<Item = f64> + Clone, alive: &[bool]) {
    let values = mixed.zip(alive).filter(|(_, alive)| **alive).map(|(x, _)| x);
    metrics.insert(format!("reward/{name}/mixed_mean"), Moments::of(values).mean());
}
