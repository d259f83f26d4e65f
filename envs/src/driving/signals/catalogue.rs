//! The ids of the signalled intersection and their options.

use std::sync::Arc;

use prospect_sim::Env;

use super::demand::Demand;
use super::env::TrafficLight;
use super::layout::{Layout, MAX_LANES};
use super::settings::Settings;
use super::signal::Timing;
use crate::options::{OptionReader, Options};
use crate::registry::{RegistryError, TaskEntry};

const FAMILY: &str = "TrafficLight";

/// The settings that the options of an id ask for.
fn read(options: &mut OptionReader<'_>, sparse: bool) -> Result<Settings, RegistryError> {
    let demand = options.choice("demand", Demand::Balanced.name(), &Demand::NAMES)?;
    let demand = Demand::from_name(demand).unwrap_or(Demand::Balanced);
    let lanes = options.integer("lanes", 2, 2..=MAX_LANES)?;
    let seconds = |options: &mut OptionReader<'_>, key, default, range| {
        options.integer(key, default, range).map(|value| value as u32)
    };
    let min_green_s = seconds(options, "min_green_s", 5, 1..=60)?;
    let max_green_s = seconds(options, "max_green_s", 60, min_green_s as usize..=600)?;
    // Less yellow than a fast driver needs to reach the line would make vehicles pass at red.
    let yellow_s = seconds(options, "yellow_s", 3, 3..=10)?;
    let all_red_s = seconds(options, "all_red_s", 2, 0..=10)?;
    let demand_scale = options.number("demand_scale", 1.0, 0.0..=3.0)?;
    let mut settings = Settings::of(demand).with_traffic(Layout::new(lanes), demand_scale);
    settings.timing = Timing::of_seconds(min_green_s, max_green_s, yellow_s, all_red_s);
    settings.decision_s = seconds(options, "decision_s", settings.decision_s as usize, 1..=60)?;
    settings.horizon_s = seconds(options, "horizon_s", settings.horizon_s as usize, 60..=86_400)?;
    settings.phase_gate = options.flag("phase_gate", false)?;
    settings.target_waiting_s = options.number("target_waiting_s", settings.target_waiting_s, 0.0..=1e6)?;
    settings.sparse = sparse;
    Ok(settings)
}

/// One entry of the registry per id.
pub(crate) fn entries() -> impl Iterator<Item = TaskEntry> {
    let ids = [
        (
            "traffic-light-v0",
            "Choose the phases of a signalled intersection so that vehicles wait little.",
            false,
        ),
        (
            "traffic-light-Sparse-v0",
            "Choose the phases of a signalled intersection so that vehicles wait half as long as with a fixed plan.",
            true,
        ),
    ];
    ids.into_iter().map(|(id, doc, sparse)| {
        TaskEntry::new(
            id,
            FAMILY,
            doc,
            move |options: &Options| -> Result<Arc<dyn Env>, RegistryError> {
                let mut options = OptionReader::new(id, options);
                let settings = read(&mut options, sparse)?;
                options.finish()?;
                Ok(Arc::new(TrafficLight::new(id, FAMILY, doc, settings)))
            },
        )
    })
}
