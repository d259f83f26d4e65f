//! Mean waiting times of the controllers on the three demands, over the same seeds.
//!
//! `cargo run --release -p prospect-envs --example traffic_light_baselines [search]`; `search` looks for the best fixed plans
//! and the best settings of the other controllers instead of using the pinned ones.

use std::error::Error;
use std::io::{Write, stdout};
use std::time::Instant;

use prospect_envs::driving::signals::control::{
    Actuated, FixedPlan, MaxPressure, Totals, best_plan, play_all, webster_cycle_s,
};
use prospect_envs::driving::signals::{Demand, Settings};

/// Seeds that the searches look at; the report uses others.
const SEARCH_SEEDS: std::ops::Range<u64> = 0..20;
/// Seeds of the report: those of the evaluation block of run seed 0.
const SEEDS: std::ops::Range<u64> = 4_294_967_296..4_294_967_396;

fn search_plan(settings: &Settings) -> (FixedPlan, f64) {
    let waiting = |plan: FixedPlan| play_all(settings, || plan, SEARCH_SEEDS).mean_waiting_s();
    let mut best = FixedPlan {
        green_s: [15, 5, 15, 5],
    };
    let mut least = waiting(best);
    // Greens one at a time and two at a time, by ever smaller steps, until nothing gets better.
    for step in [8_i64, 4, 2, 1] {
        loop {
            let mut improved = false;
            for index in 0..16_usize {
                for sign in [-1, 1] {
                    let mut plan = best;
                    for (phase, green) in plan.green_s.iter_mut().enumerate() {
                        if index >> phase & 1 == 1 {
                            *green = (i64::from(*green) + sign * step).clamp(5, 120) as u32;
                        }
                    }
                    let found = waiting(plan);
                    if found < least {
                        (best, least, improved) = (plan, found, true);
                    }
                }
            }
            if !improved {
                break;
            }
        }
    }
    (best, least)
}

fn row(out: &mut impl Write, name: &str, totals: &Totals, hours: f64) -> std::io::Result<()> {
    writeln!(
        out,
        "  {name:<34} {:>8.2} {:>8.2} {:>9.1} {:>8.1}",
        totals.mean_waiting_s(),
        totals.mean_delay_s(),
        totals.departed / hours,
        totals.changes / hours
    )
}

fn search(out: &mut impl Write, settings: &Settings) -> Result<(), Box<dyn Error>> {
    let (plan, waiting) = search_plan(settings);
    writeln!(
        out,
        "  fixed plan {:?}, cycle {} s: {waiting:.2} s",
        plan.green_s,
        plan.cycle_s(settings)
    )?;
    let mut found = Vec::new();
    for detector_m in [10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0] {
        for max_green_s in [20, 30, 40, 60] {
            let make = || Actuated {
                detector_m,
                max_green_s,
            };
            let waiting = play_all(settings, make, SEARCH_SEEDS).mean_waiting_s();
            found.push((waiting, format!("actuated, {detector_m} m, {max_green_s} s")));
        }
    }
    for interval_s in 5..=20 {
        let waiting = play_all(settings, || MaxPressure { interval_s }, SEARCH_SEEDS).mean_waiting_s();
        found.push((waiting, format!("max pressure, {interval_s} s")));
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (waiting, name) in found.iter().take(6) {
        writeln!(out, "  {name}: {waiting:.2} s")?;
    }
    for (waiting, name) in found.iter().filter(|(_, name)| name.starts_with("max")).take(2) {
        writeln!(out, "  {name}: {waiting:.2} s")?;
    }
    Ok(())
}

fn report(out: &mut impl Write, settings: &Settings, demand: Demand) -> Result<(), Box<dyn Error>> {
    let hours = (SEEDS.end - SEEDS.start) as f64 * f64::from(settings.horizon_s) / 3600.0;
    let plan = best_plan(demand);
    let fixed = format!("best fixed plan {:?}", plan.green_s);
    row(out, &fixed, &play_all(settings, || plan, SEEDS), hours)?;
    row(
        out,
        "actuated",
        &play_all(settings, Actuated::default, SEEDS),
        hours,
    )?;
    row(
        out,
        "max pressure",
        &play_all(settings, MaxPressure::default, SEEDS),
        hours,
    )?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let searching = std::env::args().any(|argument| argument == "search");
    let mut out = stdout();
    writeln!(
        out,
        "Webster's cycle for 20 s lost and Y = 0.4: {:.0} s",
        webster_cycle_s(20.0, 0.4)
    )?;
    for demand in Demand::ALL {
        let scale = std::env::args()
            .nth(2)
            .and_then(|text| text.parse().ok())
            .unwrap_or(1.0);
        let settings = Settings::of(demand);
        let settings = settings.clone().with_traffic(settings.layout, scale);
        writeln!(
            out,
            "{}: waiting s, delay s, vehicles/h, changes/h",
            demand.name()
        )?;
        let begun = Instant::now();
        if searching {
            search(&mut out, &settings)?;
        } else {
            report(&mut out, &settings, demand)?;
        }
        writeln!(out, "  ({:.1} s)", begun.elapsed().as_secs_f64())?;
    }
    Ok(())
}
