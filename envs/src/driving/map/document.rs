//! What an OpenDRIVE file states, before links are followed and lanes get their lines.

use std::collections::BTreeMap;

use super::cubic::Profile;
use super::error::At;
use super::plan_view::PlanView;

/// A whole file.
#[derive(Debug, Clone, Default)]
pub(super) struct Document {
    pub(super) roads: Vec<Road>,
    pub(super) junctions: Vec<Junction>,
    /// Elements passed over, with how often each occurs.
    pub(super) ignored: BTreeMap<String, usize>,
}

/// One `<road>`.
#[derive(Debug, Clone)]
pub(super) struct Road {
    pub(super) at: At,
    pub(super) id: String,
    /// In m.
    pub(super) length: f64,
    /// The junction it crosses, if it does.
    pub(super) junction: Option<String>,
    /// Whether traffic keeps to the left.
    pub(super) left_hand: bool,
    /// What its start and its end connect to.
    pub(super) links: [Option<RoadLink>; 2],
    /// From where on which speed limit holds, ascending.
    pub(super) limits: Vec<(f64, SpeedLimit)>,
    pub(super) plan: PlanView,
    /// The centre lane's distance to the left of the reference line.
    pub(super) offset: Profile,
    /// By start, ascending; at least one, the first at 0.
    pub(super) sections: Vec<Section>,
}

/// One of the two ends of a road.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Start,
    Finish,
}

/// What a road's end connects to.
#[derive(Debug, Clone)]
pub(super) struct RoadLink {
    pub(super) at: At,
    pub(super) target: LinkTarget,
}

/// The other side of a road link.
#[derive(Debug, Clone)]
pub(super) enum LinkTarget {
    Road { id: String, contact: End },
    Junction { id: String },
}

/// A speed limit, as far as the map states one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum SpeedLimit {
    /// Nothing is stated.
    Unstated,
    /// In m/s; infinite where there is none.
    Limit(f64),
}

/// One `<laneSection>`.
#[derive(Debug, Clone)]
pub(super) struct Section {
    /// Where it starts, in m along the road.
    pub(super) s: f64,
    /// Lanes by id, without the centre lane: 1, 2, ... to the left, -1, -2, ... to the right.
    pub(super) lanes: BTreeMap<i32, Lane>,
    /// What is painted on the centre lane.
    pub(super) centre_mark: Mark,
}

/// One `<lane>` of a section.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    pub(super) at: At,
    pub(super) driving: bool,
    /// Width in m, over the distance from the section's start.
    pub(super) width: Profile,
    /// Ids of the lanes before and after, along the road.
    pub(super) links: [Vec<i32>; 2],
    /// From where in the section on which limit holds, ascending.
    pub(super) limits: Vec<(f64, SpeedLimit)>,
    /// What is painted on its outer border.
    pub(super) mark: Mark,
}

/// What is painted between two lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mark {
    /// Nothing.
    #[default]
    None,
    /// A dashed line.
    Broken,
    /// A line, or a kerb.
    Solid,
}

/// One `<junction>`.
#[derive(Debug, Clone)]
pub(super) struct Junction {
    pub(super) id: String,
    /// Whether lanes lead straight into the linked roads, without roads that cross the junction.
    pub(super) direct: bool,
    pub(super) connections: Vec<Connection>,
}

/// One way through a junction.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    pub(super) at: At,
    pub(super) id: String,
    /// The road it comes from.
    pub(super) incoming: String,
    /// The road that crosses the junction, or the one beyond a direct junction.
    pub(super) connecting: String,
    /// The end at which that road is entered.
    pub(super) contact: End,
    /// Lane of the incoming road, lane of the connecting one.
    pub(super) lane_links: Vec<(At, i32, i32)>,
}

impl Document {
    pub(super) fn road(&self, id: &str) -> Option<&Road> {
        self.roads.iter().find(|road| road.id == id)
    }

    pub(super) fn junction(&self, id: &str) -> Option<&Junction> {
        self.junctions.iter().find(|junction| junction.id == id)
    }
}

impl Road {
    /// Where a section ends.
    pub(super) fn section_end(&self, section: usize) -> f64 {
        self.sections.get(section + 1).map_or(self.length, |next| next.s)
    }

    /// The section at an end of the road.
    pub(super) fn section_at(&self, end: End) -> usize {
        match end {
            End::Start => 0,
            End::Finish => self.sections.len() - 1,
        }
    }

    pub(super) fn link(&self, end: End) -> Option<&RoadLink> {
        self.links[end as usize].as_ref()
    }

    /// Whether traffic on a lane runs along the road's reference line.
    pub(super) fn runs_forward(&self, lane: i32) -> bool {
        (lane < 0) != self.left_hand
    }
}
