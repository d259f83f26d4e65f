//! Random streams against programs of draws recorded from numpy by `scripts/record_random_golden.py`, bit for bit.

use proptest::prelude::*;
use prospect_sim::random::{Generator, Pcg64, SeedSequence, StateError, WeightError};
use serde::Deserialize;
use serde_json::{Value, json};

const GOLDEN: &str = include_str!("../../tests/golden/random/numpy_2_4_6.json");

#[derive(Deserialize)]
struct Golden {
    numpy: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    entropy: Vec<u32>,
    spawn_key: Vec<u32>,
    name: Option<String>,
    #[serde(default)]
    spawned: bool,
    words32: Vec<u32>,
    words64: Vec<String>,
    ops: Vec<(String, Vec<Value>, Value)>,
    state: (String, String, Option<u32>),
}

impl Case {
    fn sequence(&self) -> SeedSequence {
        SeedSequence::from_words(&self.entropy).with_spawn_key(&self.spawn_key)
    }

    fn seed(&self) -> u128 {
        self.entropy
            .iter()
            .rev()
            .fold(0, |seed, &word| seed << 32 | u128::from(word))
    }
}

fn golden() -> Golden {
    serde_json::from_str(GOLDEN).expect("the golden file is well formed")
}

fn hex64(x: f64) -> Value {
    json!(format!("{:016x}", x.to_bits()))
}

fn times<T: Into<Value>>(n: &Value, mut draw: impl FnMut() -> T) -> Value {
    let n = n.as_u64().expect("a count");
    (0..n).map(|_| draw().into()).collect::<Vec<Value>>().into()
}

fn array<T: Clone>(n: &Value, zero: T, fill: impl FnOnce(&mut [T])) -> Vec<T> {
    let mut values = vec![zero; n.as_u64().expect("a count") as usize];
    fill(&mut values);
    values
}

fn hex_array(n: &Value, fill: impl FnOnce(&mut [f64])) -> Value {
    array(n, 0.0, fill)
        .into_iter()
        .map(hex64)
        .collect::<Vec<_>>()
        .into()
}

fn digest<const N: usize>(items: impl IntoIterator<Item = [u8; N]>) -> Value {
    let hash = items
        .into_iter()
        .flatten()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, byte| {
            (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    json!(format!("{hash:016x}"))
}

fn float_digest(n: &Value, fill: impl FnOnce(&mut [f64])) -> Value {
    digest(array(n, 0.0, fill).into_iter().map(f64::to_le_bytes))
}

/// Numpy shuffles lists and arrays by separate code; the golden file holds both, and one method answers to both.
fn shuffled(n: &Value, shuffle: impl FnOnce(&mut [u64])) -> Value {
    let mut items: Vec<u64> = (0..n.as_u64().expect("a count")).collect();
    shuffle(&mut items);
    json!(items)
}

/// Performs one recorded draw; the result in the recorder's form.
fn run_op(rng: &mut Generator, op: &str, args: &[Value]) -> Value {
    let int = |i: usize| args[i].as_i64().expect("an integer");
    let size = |i: usize| args[i].as_u64().expect("a size") as usize;
    let real = |i: usize| args[i].as_f64().expect("a real");
    match op {
        "u64" => times(&args[0], || format!("{:016x}", rng.next_u64())),
        "integers" => times(&args[2], || rng.integers(int(0), int(1))),
        "integers_inclusive" => times(&args[2], || rng.integers_inclusive(int(0), int(1))),
        "integers_array" => json!(array(&args[2], 0, |values| rng.integers_into(
            int(0),
            int(1),
            values
        ))),
        "random" => times(&args[0], || hex64(rng.random())),
        "random_array" => hex_array(&args[0], |values| rng.random_into(values)),
        "random_f32" => times(&args[0], || format!("{:08x}", rng.random_f32().to_bits())),
        "uniform" => times(&args[2], || hex64(rng.uniform(real(0), real(1)))),
        "uniform_array" => hex_array(&args[2], |values| rng.uniform_into(real(0), real(1), values)),
        "standard_normal" => times(&args[0], || hex64(rng.standard_normal())),
        "standard_normal_array" => hex_array(&args[0], |values| rng.standard_normal_into(values)),
        "normal" => times(&args[2], || hex64(rng.normal(real(0), real(1)))),
        "standard_exponential" => times(&args[0], || hex64(rng.standard_exponential())),
        "random_digest" => float_digest(&args[0], |values| rng.random_into(values)),
        "standard_normal_digest" => float_digest(&args[0], |values| rng.standard_normal_into(values)),
        "standard_exponential_digest" => {
            float_digest(&args[0], |values| values.fill_with(|| rng.standard_exponential()))
        }
        "choice_without_replacement_digest" => {
            let items = rng.choice_without_replacement(size(0), size(1));
            digest(items.into_iter().map(|item| (item as u64).to_le_bytes()))
        }
        "advance" => {
            let delta = args[0]
                .as_str()
                .expect("a decimal number")
                .parse()
                .expect("a decimal number");
            rng.bits_mut().advance(delta);
            Value::Null
        }
        _ => run_sampling_op(rng, op, args),
    }
}

fn run_sampling_op(rng: &mut Generator, op: &str, args: &[Value]) -> Value {
    let size = |i: usize| args[i].as_u64().expect("a size") as usize;
    let weights = || -> Vec<f64> { serde_json::from_value(args[0].clone()).expect("probabilities") };
    match op {
        "choice" => times(&args[1], || rng.choice(size(0)) as u64),
        "choice_p" => times(&args[1], || {
            rng.choice_p(&weights()).expect("a distribution") as u64
        }),
        "choice_without_replacement" => json!(rng.choice_without_replacement(size(0), size(1))),
        "choice_p_without_replacement" => {
            json!(
                rng.choice_p_without_replacement(&weights(), size(1))
                    .expect("a distribution")
            )
        }
        "shuffle" | "shuffle_array" => shuffled(&args[0], |items| rng.shuffle(items)),
        "permutation" => json!(rng.permutation(size(0))),
        _ => panic!("the golden file has an unknown draw {op}"),
    }
}

#[test]
fn every_recorded_program_replays_to_the_bit() {
    let golden = golden();
    assert_eq!(golden.numpy, "2.4.6");
    let mut n_ops = 0;
    for (i, case) in golden.cases.iter().enumerate() {
        let mut rng = Generator::from_sequence(&case.sequence());
        for (j, (op, args, expected)) in case.ops.iter().enumerate() {
            let drawn = run_op(&mut rng, op, args);
            assert_eq!(&drawn, expected, "case {i}, draw {j}: {op} {args:?}");
            n_ops += 1;
        }
        let bits = rng.bits();
        let state = (
            format!("{:032x}", bits.state()),
            format!("{:032x}", bits.inc()),
            bits.buffered(),
        );
        assert_eq!(state, case.state, "case {i}: final state");
    }
    assert!(n_ops > 2_000, "only {n_ops} draws in the golden file");
}

#[test]
fn seed_sequences_generate_the_recorded_words() {
    for case in golden().cases {
        let sequence = case.sequence();
        assert_eq!(sequence.generate_state_u32(case.words32.len()), case.words32);
        let words64: Vec<String> = sequence
            .generate_state_u64(case.words64.len())
            .iter()
            .map(|w| format!("{w:016x}"))
            .collect();
        assert_eq!(words64, case.words64);
    }
}

#[test]
fn seeds_of_any_width_equal_their_words() {
    let cases: Vec<Case> = golden()
        .cases
        .into_iter()
        .filter(|case| case.entropy.last() != Some(&0))
        .collect();
    let wide = cases
        .iter()
        .filter(|case| case.spawn_key.is_empty() && case.entropy.len() <= 4);
    let mut n_above_64_bits = 0;
    for case in wide {
        let seed = case.seed();
        assert_eq!(SeedSequence::from_u128(seed), case.sequence());
        match u64::try_from(seed) {
            Ok(seed) => assert_eq!(
                Generator::default_rng(seed),
                Generator::from_sequence(&case.sequence())
            ),
            Err(_) => n_above_64_bits += 1,
        }
    }
    assert!(n_above_64_bits >= 2);
    assert_eq!(SeedSequence::new(0), SeedSequence::from_words(&[0]));
}

#[test]
fn named_streams_follow_the_written_formula() {
    let golden = golden();
    let mut n_names = 0;
    for case in &golden.cases {
        if let Some(name) = &case.name {
            let seed = u64::try_from(case.seed()).expect("named cases have 64-bit seeds");
            assert_eq!(
                Generator::named(seed, name),
                Generator::from_sequence(&case.sequence()),
                "{name:?}"
            );
            n_names += 1;
        }
    }
    assert_eq!(n_names, 4);
    assert_ne!(Generator::named(1, "policy"), Generator::named(2, "policy"));
}

#[test]
fn spawned_children_have_numpy_s_keys() {
    let mut parent = SeedSequence::new(77);
    let mut children = parent.spawn(3);
    children.extend(parent.spawn(2));
    let grandchildren = children[4].spawn(2);
    let spawned: Vec<SeedSequence> = children.into_iter().chain(grandchildren).collect();
    let recorded: Vec<Case> = golden().cases.into_iter().filter(|case| case.spawned).collect();
    assert_eq!(spawned.len(), recorded.len());
    for (child, case) in spawned.iter().zip(&recorded) {
        assert_eq!(child.spawn_key(), case.spawn_key);
        assert_eq!(child.generate_state_u32(case.words32.len()), case.words32);
    }
}

#[test]
fn a_range_of_one_value_consumes_nothing() {
    let mut rng = Generator::default_rng(8);
    let before = rng.clone();
    assert_eq!(rng.integers(-4, -3), -4);
    assert_eq!(rng.choice(1), 0);
    rng.shuffle(&mut [9]);
    rng.integers_into(3, 4, &mut [0; 10]);
    assert_eq!(rng.permutation(1), [0]);
    assert_eq!(rng, before);
}

#[test]
fn probabilities_that_are_no_distribution_are_refused_and_draw_nothing() {
    let mut rng = Generator::default_rng(1);
    let before = rng.clone();
    assert_eq!(rng.choice_p(&[]), Err(WeightError::Empty));
    assert_eq!(
        rng.choice_p(&[1.5, -0.5]),
        Err(WeightError::Invalid {
            index: 1,
            value: -0.5
        })
    );
    assert!(matches!(
        rng.choice_p(&[f64::NAN, 1.0]),
        Err(WeightError::Invalid { index: 0, .. })
    ));
    assert_eq!(rng.choice_p(&[0.5, 0.25]), Err(WeightError::Sum(0.75)));
    let few = rng.choice_p_without_replacement(&[0.5, 0.5, 0.0], 3);
    assert_eq!(
        few,
        Err(WeightError::TooFew {
            asked: 3,
            possible: 2
        })
    );
    assert_eq!(rng, before);
    assert_eq!(rng.choice_p(&[0.0, 1.0, 0.0]), Ok(1));
}

#[test]
fn damaged_states_are_refused() {
    let bytes = Generator::default_rng(5).to_bytes();
    let with = |at: usize, value: u8| {
        let mut damaged = bytes;
        damaged[at] = value;
        Generator::from_bytes(&damaged)
    };
    assert!(matches!(
        with(16, bytes[16] & 0xfe),
        Err(StateError::EvenIncrement(_))
    ));
    assert_eq!(with(32, 2), Err(StateError::HalfWord { flag: 2, value: 0 }));
    assert_eq!(
        with(36, 1),
        Err(StateError::HalfWord {
            flag: 0,
            value: 1 << 24
        })
    );
    assert!(Pcg64::from_parts(3, 4, None).is_err());
    let json = r#"{"state":[0,1],"inc":[0,2],"buffered":null}"#;
    assert!(serde_json::from_str::<Generator>(json).is_err());
}

#[test]
#[should_panic(expected = "the range is empty")]
fn an_empty_range_panics() {
    Generator::default_rng(0).integers(3, 3);
}

/// A generator somewhere in its stream, with and without a kept half-word.
fn anywhere() -> impl Strategy<Value = Generator> {
    (any::<u64>(), any::<u64>(), any::<bool>()).prop_map(|(seed, skipped, halved)| {
        let mut rng = Generator::default_rng(seed);
        rng.bits_mut().advance(u128::from(skipped));
        if halved {
            rng.next_u32();
        }
        rng
    })
}

proptest! {
    #[test]
    fn integers_lie_in_their_range(mut rng in anywhere(), a in any::<i64>(), b in any::<i64>(), shift in 0..64_u32) {
        let low = a.min(b) >> shift;
        let high = (a.max(b) >> shift).max(low);
        let drawn = rng.integers_inclusive(low, high);
        prop_assert!((low..=high).contains(&drawn));
        if low < high {
            prop_assert!((low..high).contains(&rng.integers(low, high)));
        }
    }

    #[test]
    fn reals_lie_in_their_range(mut rng in anywhere(), low in -1e9..1e9, width in 0.0..1e9) {
        prop_assert!((0.0..1.0).contains(&rng.random()));
        prop_assert!((0.0..1.0).contains(&rng.random_f32()));
        prop_assert!((low..=low + width).contains(&rng.uniform(low, low + width)));
        prop_assert!(rng.standard_normal().is_finite());
        prop_assert!(rng.standard_exponential() >= 0.0);
    }

    #[test]
    fn shuffles_are_permutations(mut rng in anywhere(), n in 0..300_usize) {
        let identity: Vec<usize> = (0..n).collect();
        let mut list = identity.clone();
        rng.shuffle(&mut list);
        for mut items in [list, rng.permutation(n)] {
            items.sort_unstable();
            prop_assert_eq!(&items, &identity);
        }
    }

    #[test]
    fn subsets_are_distinct_and_in_range(mut rng in anywhere(), n in 0..20_000_usize, fraction in 0.0..=1.0) {
        let k = (n as f64 * fraction) as usize;
        let mut items = rng.choice_without_replacement(n, k);
        items.sort_unstable();
        items.dedup();
        prop_assert_eq!(items.len(), k);
        prop_assert!(items.iter().all(|&item| item < n));
    }

    #[test]
    fn weighted_choices_have_weight(mut rng in anywhere(), counts in prop::collection::vec(0..5_u8, 1..40), k in 0..40_usize) {
        let total: f64 = counts.iter().map(|&c| f64::from(c)).sum();
        prop_assume!(total > 0.0);
        let weights: Vec<f64> = counts.iter().map(|&c| f64::from(c) / total).collect();
        prop_assert!(weights[rng.choice_p(&weights).unwrap()] > 0.0);
        let k = k.min(counts.iter().filter(|&&c| c > 0).count());
        let mut items = rng.choice_p_without_replacement(&weights, k).unwrap();
        prop_assert!(items.iter().all(|&item| weights[item] > 0.0));
        items.sort_unstable();
        items.dedup();
        prop_assert_eq!(items.len(), k);
    }

    #[test]
    fn a_stored_stream_goes_on(mut rng in anywhere()) {
        let mut from_bytes = Generator::from_bytes(&rng.to_bytes()).unwrap();
        let mut from_json: Generator = serde_json::from_str(&serde_json::to_string(&rng).unwrap()).unwrap();
        prop_assert_eq!(&from_bytes, &rng);
        for draw in [Generator::next_u32 as fn(&mut Generator) -> u32, |g| g.integers(0, 7) as u32, |g| g.next_u64() as u32] {
            let expected = draw(&mut rng);
            prop_assert_eq!(draw(&mut from_bytes), expected);
            prop_assert_eq!(draw(&mut from_json), expected);
        }
        prop_assert_eq!(&from_json, &rng);
    }

    #[test]
    fn advancing_equals_drawing(seed in any::<u64>(), n in 0..500_u16) {
        let mut jumped = Generator::default_rng(seed);
        let mut stepped = jumped.clone();
        jumped.bits_mut().advance(u128::from(n));
        (0..n).for_each(|_| { stepped.next_u64(); });
        prop_assert_eq!(jumped, stepped);
    }
}
