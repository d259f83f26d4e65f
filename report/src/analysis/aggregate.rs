//! Over all tasks: aggregates, profiles, probabilities of improvement, paired differences, sample efficiency.

use super::{BAND_REPLICATES, BandCurve, RunResult};
use crate::error::ReportError;
use crate::stats::{
    Bootstrap, Curve, Estimate, PairedTask, Scores, SignTest, StatError, iqm, mean, median_of_task_means,
    optimality_gap, paired_difference, performance_profile, probability_of_improvement, sign_test,
};
use crate::suite_folder::SuiteFolder;

/// Points of the sample-efficiency curve.
const EFFICIENCY_POINTS: usize = 41;

/// Aggregates of one variant over the compared tasks.
#[derive(Debug, Clone)]
pub struct VariantAggregate {
    /// Position of the variant in the plan.
    pub variant: usize,
    /// Number of runs behind the numbers.
    pub runs: usize,
    /// Interquartile mean.
    pub iqm: Estimate,
    /// Mean of task means.
    pub mean: Estimate,
    /// Median of task means.
    pub median: Estimate,
    /// Optimality gap; lower is better.
    pub optimality_gap: Estimate,
    /// Share of runs above each of [`Aggregate::taus`].
    pub profile: Vec<Estimate>,
    /// IQM of normalised returns over training; steps are shares of the budget, or frames where all budgets agree.
    pub efficiency: BandCurve,
}

/// One variant against another.
#[derive(Debug, Clone)]
pub struct PairComparison {
    /// First variant.
    pub x: usize,
    /// Second variant.
    pub y: usize,
    /// P(X > Y).
    pub improvement: Estimate,
    /// Mean paired difference X - Y of normalised scores on shared seeds; `None` if no seed is shared on every task.
    pub difference: Option<Estimate>,
    /// Sign test over the same pairs.
    pub signs: Option<SignTest>,
}

/// Everything over several tasks.
#[derive(Debug, Clone)]
pub struct Aggregate {
    /// The compared tasks: those with floor and ceiling where every compared variant has a finished run.
    pub envs: Vec<usize>,
    /// One entry per compared variant; a variant without any finished run is left out.
    pub variants: Vec<VariantAggregate>,
    /// Thresholds of the profiles.
    pub taus: Vec<f64>,
    /// All ordered pairs of different compared variants.
    pub pairs: Vec<PairComparison>,
    /// Whether efficiency curves are over frames; otherwise over shares of each task's budget.
    pub efficiency_in_frames: bool,
}

impl Aggregate {
    pub(crate) fn compute(
        suite: &SuiteFolder,
        results: &[RunResult],
        bootstrap: &Bootstrap,
    ) -> Result<Option<Self>, ReportError> {
        let has = |env: usize, variant: usize| {
            results
                .iter()
                .any(|r| r.env == env && r.variant == variant && r.score.is_some())
        };
        let n_envs = suite.plan.envs.len();
        // A variant none of whose runs finished anywhere must not erase the comparison of the others.
        let variants: Vec<usize> = (0..suite.plan.variants.len())
            .filter(|v| (0..n_envs).any(|e| has(e, *v)))
            .collect();
        let envs: Vec<usize> = (0..n_envs)
            .filter(|e| variants.iter().all(|v| has(*e, *v)))
            .collect();
        if envs.is_empty() || variants.is_empty() {
            return Ok(None);
        }
        let build = Build {
            suite,
            results,
            bootstrap,
            envs: &envs,
        };
        let taus = build.taus();
        let efficiency_in_frames = envs
            .iter()
            .all(|e| suite.total_steps(*e) == suite.total_steps(envs[0]));
        let context = || ReportError::stat("scores over all tasks");
        let aggregates = variants
            .iter()
            .map(|v| build.variant(*v, &taus, efficiency_in_frames))
            .collect::<Result<Vec<_>, StatError>>()
            .map_err(context())?;
        let pairs = build.pairs(&variants).map_err(context())?;
        Ok(Some(Self {
            envs,
            variants: aggregates,
            taus,
            pairs,
            efficiency_in_frames,
        }))
    }

    /// The comparison of two variants.
    pub fn pair(&self, x: usize, y: usize) -> Option<&PairComparison> {
        self.pairs.iter().find(|pair| pair.x == x && pair.y == y)
    }

    /// Compared variants by falling IQM.
    pub fn ranking(&self) -> Vec<&VariantAggregate> {
        let mut ranking: Vec<&VariantAggregate> = self.variants.iter().collect();
        ranking.sort_by(|a, b| b.iqm.point.total_cmp(&a.iqm.point));
        ranking
    }
}

struct Build<'a> {
    suite: &'a SuiteFolder,
    results: &'a [RunResult],
    bootstrap: &'a Bootstrap,
    envs: &'a [usize],
}

impl Build<'_> {
    fn name(&self, variant: usize) -> &str {
        &self.suite.plan.variants[variant].name
    }

    fn scores(&self, variant: usize) -> Result<Scores, StatError> {
        Scores::new(
            self.envs
                .iter()
                .map(|env| self.task_scores(*env, variant).map(|(_, s)| s).collect())
                .collect(),
        )
    }

    fn task_scores(&self, env: usize, variant: usize) -> impl Iterator<Item = (u64, f64)> {
        let of_cell = self
            .results
            .iter()
            .filter(move |r| r.env == env && r.variant == variant);
        of_cell.filter_map(|r| Some((r.seed, r.score?)))
    }

    /// From the least score (or 0) to the greatest (or 1), so that each profile starts at 1 and ends at 0.
    fn taus(&self) -> Vec<f64> {
        let scores = || self.results.iter().filter_map(|r| r.score);
        let low = scores().fold(0.0, f64::min);
        let high = scores().fold(1.0, f64::max);
        (0..=100)
            .map(|k| low + (high - low) * f64::from(k) / 100.0)
            .collect()
    }

    fn variant(&self, variant: usize, taus: &[f64], in_frames: bool) -> Result<VariantAggregate, StatError> {
        let scores = self.scores(variant)?;
        let name = self.name(variant);
        let few = self.bootstrap.with_replicates(BAND_REPLICATES);
        let estimate = |what: &str, statistic: fn(&Scores) -> f64| {
            self.bootstrap
                .estimate(&format!("aggregate/{name}/{what}"), &scores, statistic)
        };
        Ok(VariantAggregate {
            variant,
            runs: scores.n_scores(),
            iqm: estimate("iqm", iqm),
            mean: estimate("mean", mean),
            median: estimate("median", median_of_task_means),
            optimality_gap: estimate("optimality_gap", optimality_gap),
            profile: few.estimate_each(&format!("profile/{name}"), &scores, |s| {
                performance_profile(s, taus)
            }),
            efficiency: self.efficiency(variant, &few, in_frames)?,
        })
    }

    fn efficiency(&self, variant: usize, few: &Bootstrap, in_frames: bool) -> Result<BandCurve, StatError> {
        let mut tasks: Vec<Vec<Curve>> = Vec::new();
        for env in self.envs {
            let curves = self
                .suite
                .cell(*env, variant)
                .filter_map(|run| run.finished()?.return_curve());
            tasks.push(curves.collect());
        }
        let scale = self.suite.total_steps(self.envs[0]);
        let mut band = BandCurve::default();
        for k in 0..EFFICIENCY_POINTS {
            let share = k as f64 / (EFFICIENCY_POINTS - 1) as f64;
            let at_share = self.envs.iter().zip(&tasks).map(|(env, curves)| {
                let plan = &self.suite.plan.envs[*env];
                let (floor, ceiling) = (plan.floor.unwrap_or(0.0), plan.ceiling.unwrap_or(1.0));
                let step = share * self.suite.total_steps(*env);
                curves
                    .iter()
                    .map(|curve| (curve.at(step) - floor) / (ceiling - floor))
                    .collect()
            });
            let scores = Scores::new(at_share.collect())?;
            band.steps.push(if in_frames { share * scale } else { share });
            band.estimates.push(few.estimate(
                &format!("efficiency/{}/{k}", self.name(variant)),
                &scores,
                iqm,
            ));
        }
        Ok(band)
    }

    fn pairs(&self, variants: &[usize]) -> Result<Vec<PairComparison>, StatError> {
        let mut pairs = Vec::new();
        for x in variants {
            for y in variants.iter().filter(|y| *y != x) {
                pairs.push(self.pair(*x, *y)?);
            }
        }
        Ok(pairs)
    }

    fn pair(&self, x: usize, y: usize) -> Result<PairComparison, StatError> {
        let name = format!("{}/{}", self.name(x), self.name(y));
        let improvement = self.bootstrap.estimate_pair(
            &format!("improvement/{name}"),
            &self.scores(x)?,
            &self.scores(y)?,
            probability_of_improvement,
        )?;
        let paired: Vec<PairedTask> = self.envs.iter().map(|env| self.paired(*env, x, y)).collect();
        if paired.iter().any(Vec::is_empty) {
            return Ok(PairComparison {
                x,
                y,
                improvement,
                difference: None,
                signs: None,
            });
        }
        let difference = paired_difference(self.bootstrap, &format!("paired/{name}"), &paired)?;
        let signs = sign_test(&paired)?;
        Ok(PairComparison {
            x,
            y,
            improvement,
            difference: Some(difference),
            signs: Some(signs),
        })
    }

    fn paired(&self, env: usize, x: usize, y: usize) -> PairedTask {
        let of_y: Vec<(u64, f64)> = self.task_scores(env, y).collect();
        self.task_scores(env, x)
            .filter_map(|(seed, score)| Some(score - of_y.iter().find(|(s, _)| *s == seed)?.1))
            .collect()
    }
}
