//! Tests of what the loader refuses, by maps that are small and wrong in one place.

use super::error::MapError;
use super::road_map::RoadMap;

/// Two roads of 50 m, one after the other, with one lane each; pieces are replaced by the tests.
const MAP: &str = r#"<?xml version="1.0"?>
<OpenDRIVE>
  <header revMajor="1" revMinor="7"/>
  <road id="a" length="50" junction="-1">
    <link><successor elementType="road" elementId="b" contactPoint="start"/></link>
    <type s="0" type="town"><speed max="36" unit="km/h"/></type>
    <planView><geometry s="0" x="0" y="0" hdg="0" length="50"><line/></geometry></planView>
    <elevationProfile/>
    <lanes><laneSection s="0"><right>
      <lane id="-1" type="driving"><link><successor id="-1"/></link><width sOffset="0" a="3" b="0" c="0" d="0"/></lane>
    </right></laneSection></lanes>
  </road>
  <road id="b" length="50" junction="-1">
    <link><predecessor elementType="road" elementId="a" contactPoint="end"/></link>
    <planView><geometry s="0" x="50" y="0" hdg="0" length="50"><arc curvature="0.01"/></geometry></planView>
    <lanes><laneSection s="0"><right>
      <lane id="-1" type="driving"><width sOffset="0" a="3" b="0" c="0" d="0"/></lane>
    </right></laneSection></lanes>
  </road>
</OpenDRIVE>"#;

fn parse(changes: &[(&str, &str)]) -> Result<RoadMap, MapError> {
    let mut text = MAP.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "the map has no {from}");
        text = text.replacen(from, to, 1);
    }
    RoadMap::parse(&text)
}

#[track_caller]
fn refused(changes: &[(&str, &str)], parts: &[&str]) {
    let error = parse(changes).unwrap_err().to_string();
    for part in parts {
        assert!(error.contains(part), "`{error}` does not say `{part}`");
    }
}

#[test]
fn the_map_itself_is_accepted() {
    let map = parse(&[]).unwrap();
    assert_eq!(map.lanes.len(), 2);
    assert_eq!(map.lanes[0].successors, [1]);
    assert_eq!(map.lanes[0].speed_limit_mps, Some(10.0));
    assert_eq!(map.lanes[1].speed_limit_mps, None);
    assert_eq!(
        map.ignored.iter().collect::<Vec<_>>(),
        [(&"elevationProfile".to_owned(), &1)]
    );
    // Right of the middle, on the outside of a bend to the left.
    let [x, y] = map.lanes[0].centre.position(50.0, 0.0);
    assert!((x - 50.0).abs() < 1e-9 && (y + 1.5).abs() < 1e-9);
    assert!((map.lanes[1].centre.length_m() - 50.0 * 1.015).abs() < 1e-9);
}

#[test]
fn broken_links_name_both_sides() {
    refused(
        &[("elementId=\"b\"", "elementId=\"z\"")],
        &[
            "5:11: <successor> of road `a`",
            "leads to road `z`, which the map does not have",
            "correct the link",
        ],
    );
    refused(
        &[("<successor id=\"-1\"/>", "<successor id=\"-2\"/>")],
        &[
            "of road `a`",
            "lane -2 at the start of road `b`, which is not there",
        ],
    );
    refused(
        &[(
            "elementType=\"road\" elementId=\"b\" contactPoint=\"start\"",
            "elementType=\"junction\" elementId=\"9\"",
        )],
        &["junction `9`, which the map does not have"],
    );
    refused(
        &[("contactPoint=\"start\"", "contactPoint=\"end\"")],
        &["lane -1 at the end of road `b`, whose traffic comes the other way"],
    );
    let junction = r#"<junction id="9"><connection id="0" incomingRoad="b" connectingRoad="c" contactPoint="start"/></junction>
</OpenDRIVE>"#;
    refused(
        &[("</OpenDRIVE>", junction)],
        &["20:18: <connection>", "road `c`, which the map does not have"],
    );
    refused(
        &[("</OpenDRIVE>", &junction.replace("\"c\"", "\"a\""))],
        &["junction `9` from road `b`, which does not link to it"],
    );
}

#[test]
fn what_would_change_the_meaning_is_named() {
    refused(
        &[("<arc curvature=\"0.01\"/>", "<clothoidal/>")],
        &[
            "15:64: <clothoidal> of road `b` is not supported",
            "the geometry `clothoidal`",
            "use line, arc",
        ],
    );
    refused(
        &[(
            "<width sOffset=\"0\" a=\"3\" b=\"0\" c=\"0\" d=\"0\"/>",
            "<border sOffset=\"0\" a=\"3\" b=\"0\" c=\"0\" d=\"0\"/>",
        )],
        &[
            "10:69: <border> of road `a`",
            "border instead of its width",
            "state `width` records",
        ],
    );
    refused(
        &[("type=\"driving\"", "type=\"bidirectional\"")],
        &["<lane> of road `a`", "lanes of type `bidirectional`"],
    );
    refused(
        &[("<elevationProfile/>", "<railroad><switch/></railroad>")],
        &["8:5: <railroad> of road `a`", "rails are not driven on"],
    );
    refused(
        &[(
            "<laneSection s=\"0\">",
            "<laneSection s=\"0\" singleSide=\"true\">",
        )],
        &["a section of one side only"],
    );
    refused(
        &[("<elevationProfile/>", "<teleport/>")],
        &["what <teleport> says in <road> is not read"],
    );
    refused(
        &[("</OpenDRIVE>", "<include file=\"b.xodr\"/></OpenDRIVE>")],
        &["<include>"],
    );
    refused(
        &[(
            "</OpenDRIVE>",
            "<junction id=\"9\" type=\"virtual\"/></OpenDRIVE>",
        )],
        &["junctions of type `virtual`"],
    );
    refused(
        &[("revMajor=\"1\"", "revMajor=\"2\"")],
        &["`revMajor` is `2`; expected 1"],
    );
}

#[test]
fn numbers_and_shapes_are_checked() {
    refused(
        &[("length=\"50\"><line/>", "length=\"-50\"><line/>")],
        &["`length` is `-50`", "a length above 0 m"],
    );
    refused(
        &[("x=\"50\"", "x=\"NaN\"")],
        &["<geometry> of road `b`", "`x` is `NaN`; expected a finite number"],
    );
    refused(&[("a=\"3\"", "a=\"wide\"")], &["`a` is `wide`"]);
    refused(
        &[("a=\"3\"", "a=\"-3\"")],
        &["of road `a`", "the lane is -3.000 m wide at s = 0.000 m"],
    );
    refused(&[("a=\"3\" ", "")], &["has no `a`"]);
    refused(
        &[("curvature=\"0.01\"", "curvature=\"-0.8\"")],
        &["of road `b`", "the lane folds at s = 0.000 m"],
    );
    refused(
        &[("length=\"50\"><line/>", "length=\"40\"><line/>")],
        &["the pieces end at s = 40 m, but the road is 50 m"],
    );
    refused(
        &[(
            "length=\"50\"><line/></geometry>",
            "length=\"20\"><line/></geometry><geometry s=\"20\" x=\"21\" y=\"0\" hdg=\"0\" length=\"30\"><line/></geometry>",
        )],
        &["it starts 1.000 m from where the last one ends"],
    );
    refused(&[("max=\"36\"", "max=\"fast\"")], &["`max` is `fast`"]);
    refused(
        &[("id=\"b\" length", "id=\"a\" length")],
        &["an id that no other road has"],
    );
    refused(
        &[("id=\"-1\"", "id=\"-2\"")],
        &["lane -2 is there but lane -1 is not"],
    );
    refused(
        &[("id=\"-1\"", "id=\"1\"")],
        &["`id` is `1`; expected a negative id"],
    );
}

#[test]
fn files_that_are_no_maps() {
    let none = parse(&[("\"driving\"", "\"sidewalk\""), ("\"driving\"", "\"sidewalk\"")]);
    assert_eq!(none, Err(MapError::NoDrivingLane));
    assert!(matches!(RoadMap::parse("<OpenDRIVE>"), Err(MapError::Xml { .. })));
    assert!(matches!(
        RoadMap::parse("<osm/>"),
        Err(MapError::Unsupported { .. })
    ));
    let error = RoadMap::load(std::path::Path::new("no/such.xodr"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("no/such.xodr") && error.contains("give the path of an .xodr file"),
        "{error}"
    );
}

/// Left-hand traffic runs along the road on its left lanes.
#[test]
fn left_hand_traffic() {
    let both = |text: &str| text.replace("right>", "left>").replace("id=\"-1\"", "id=\"1\"");
    let text = both(MAP).replace("junction=\"-1\"", "junction=\"-1\" rule=\"LHT\"");
    let map = RoadMap::parse(&text).unwrap();
    assert_eq!(map.lanes[0].successors, [1]);
    let [x, y] = map.lanes[0].centre.position(0.0, 0.0);
    assert!(x.abs() < 1e-9 && (y - 1.5).abs() < 1e-9);
}

/// A road whose limit changes is cut there, and its lanes go on.
#[test]
fn roads_are_cut_where_limits_change() {
    let second = "</type><type s=\"20\" type=\"town\"><speed max=\"20\" unit=\"mph\"/></type>";
    let map = parse(&[("</type>", second)]).unwrap();
    assert_eq!(map.lanes.len(), 3);
    assert_eq!(map.lanes[0].successors, [1]);
    assert_eq!(map.lanes[1].successors, [2]);
    assert_eq!(map.lanes[0].reach, [0.0, 20.0]);
    assert!((map.lanes[1].speed_limit_mps.unwrap() - 8.9408).abs() < 1e-12);
}
