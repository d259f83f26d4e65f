//! Whether what was learned on one task can be played on another: levels of another size, a longer hallway, more rooms.

use prospect_sim::{Dtype, EnvSpec, Field};

use crate::error::AgentError;

/// Refuses a task whose observations or actions are not those that a policy of `trained` reads and gives.
///
/// # Errors
/// [`AgentError::OtherTask`], with what differs.
pub(crate) fn check(trained: &EnvSpec, other: &EnvSpec) -> Result<(), AgentError> {
    let differs = |reason: String| {
        Err(AgentError::OtherTask {
            trained: trained.id.clone(),
            other: other.id.clone(),
            reason,
        })
    };
    if trained.actions != other.actions {
        return differs(format!(
            "its actions are {:?}, the policy's {:?}",
            other.actions, trained.actions
        ));
    }
    let (ours, theirs) = (&trained.observation, &other.observation);
    if ours.len() != theirs.len() {
        return differs(format!(
            "it observes {} components, the policy {}",
            theirs.len(),
            ours.len()
        ));
    }
    match ours.iter().zip(theirs).find(|(a, b)| !same(a, b)) {
        Some((a, b)) => differs(format!("it observes {}, the policy {}", words(b), words(a))),
        None => Ok(()),
    }
}

/// Texts and reals may range as they like; the range of a whole number says how a network encodes it.
fn same(a: &Field, b: &Field) -> bool {
    let ranges = matches!(a.dtype, Dtype::Text | Dtype::F32) || (a.low, a.high) == (b.low, b.high);
    (&a.name, a.dtype, &a.shape) == (&b.name, b.dtype, &b.shape) && ranges
}

fn words(field: &Field) -> String {
    let Field {
        name,
        dtype,
        shape,
        low,
        high,
    } = field;
    format!("{name} ({dtype:?}, shape {shape:?}, {low} to {high})")
}

#[cfg(test)]
mod tests {
    use prospect_sim::ActionSpace;

    use super::*;

    fn spec(side: usize, missions: f64, headings: f64, n: usize) -> EnvSpec {
        EnvSpec {
            id: format!("grid-{side}"),
            family: "grid".to_owned(),
            doc: String::new(),
            observation: vec![
                Field::new("image", Dtype::U8, &[side, side, 3], 0.0, 255.0),
                Field::new("direction", Dtype::Index, &[], 0.0, headings),
                Field::new("mission", Dtype::Text, &[], 0.0, missions),
            ],
            actions: ActionSpace::Discrete { n },
            action_names: Vec::new(),
            max_steps: None,
            reward_range: (0.0, 1.0),
            agents_per_env: 1,
            facts: Vec::new(),
        }
    }

    #[test]
    fn other_missions_fit_other_views_ranges_and_actions_do_not() {
        let trained = spec(7, 0.0, 3.0, 7);
        check(&trained, &spec(7, 12.0, 3.0, 7)).unwrap();
        let refused = |other: EnvSpec| check(&trained, &other).unwrap_err().to_string();
        let small = refused(spec(5, 0.0, 3.0, 7));
        assert!(
            small.contains("the policy of grid-7 cannot play grid-5"),
            "{small}"
        );
        assert!(small.contains("image (U8, shape [5, 5, 3], 0 to 255)"), "{small}");
        assert!(refused(spec(7, 0.0, 7.0, 7)).contains("direction"));
        assert!(refused(spec(7, 0.0, 3.0, 6)).contains("its actions are Discrete { n: 6 }"));
        let mut other = trained.clone();
        other.observation.pop();
        assert!(refused(other).contains("2 components, the policy 3"));
    }
}
