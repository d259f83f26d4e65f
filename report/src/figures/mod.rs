//! Charts as scenes: curves, intervals, strips of runs. What they show is computed elsewhere.

pub(crate) mod axis;
pub(crate) mod interval_chart;
pub(crate) mod legend;
pub(crate) mod line_chart;
pub(crate) mod run;
pub(crate) mod strip_chart;
pub(crate) mod suite;
