//! Exported policies: another program, which knows nothing but the files, gets the same outputs and actions.

use std::{fs, path::Path};

use prospect::{
    agents::export::{Description, HeadDescription},
    nets::NamedTensors,
    npz::NpzIn,
};

use crate::{ok, refused, text};

/// Trains `agent` on `env` for a moment and exports it; returns the export's folder.
fn exported(root: &Path, env: &str, agent: &str) -> std::path::PathBuf {
    let file = root.join("run.toml");
    let settings = format!(
        "[env]\nid = \"{env}\"\nn_envs = 4\n[agent]\n{agent}\n[eval]\nepisodes = 0\n[probe]\nevery_steps = 0\n"
    );
    fs::write(&file, settings).unwrap();
    let dir = root.join("run");
    ok(&["train", text(&file), "--out", text(&dir), "--quiet"]);
    ok(&["export", text(&dir)]);
    dir.join("export")
}

/// A reader of fully connected policies over one vector, from the format's description alone.
struct Reader {
    about: Description,
    weights: NamedTensors,
}

impl Reader {
    fn open(folder: &Path) -> Self {
        let bytes = fs::read(folder.join("policy.safetensors")).unwrap();
        Self {
            about: serde_json::from_slice(&fs::read(folder.join("policy.json")).unwrap()).unwrap(),
            weights: NamedTensors::from_bytes(&bytes).unwrap(),
        }
    }

    fn values(&self, name: &str) -> Vec<f64> {
        let found = &self.weights.get(name).unwrap().values;
        found.iter().map(|&x| f64::from(x)).collect()
    }

    fn linear(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let (weight, bias) = (
            self.values(&format!("{name}.weight")),
            self.values(&format!("{name}.bias")),
        );
        let dot = |row: &[f64]| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
        weight
            .chunks_exact(x.len())
            .zip(bias)
            .map(|(row, bias)| dot(row) + bias)
            .collect()
    }

    fn outputs(&self, mut x: Vec<f64>) -> Vec<f64> {
        let network = &self.about.network;
        if let Some(how) = &network.whitening {
            let (mean, std) = (self.values(&how.mean), self.values(&how.std));
            for (x, (mean, std)) in x.iter_mut().zip(mean.iter().zip(std)) {
                *x = ((*x - mean) / (std * std + how.epsilon).sqrt()).clamp(-how.clip, how.clip);
            }
        }
        for i in 0..network.hidden_layers {
            x = self.linear(&format!("{}.hidden.{i}", network.name), &x);
            for x in &mut x {
                *x = x.tanh();
            }
        }
        self.linear(&format!("{}.head", network.name), &x)
    }
}

/// Outputs and actions, row by row.
type Pairs = Vec<(Vec<f64>, Vec<f64>)>;

/// Plays the example's vector `observation` through the reader; returns outputs and actions row by row.
fn play(folder: &Path) -> (Reader, Pairs) {
    let reader = Reader::open(folder);
    let mut example = NpzIn::open(&folder.join("example.npz")).unwrap();
    let mut read = |name: &str| example.read(name).unwrap().unwrap();
    let (seen, outputs, actions) = (read("observation/observation"), read("outputs"), read("action"));
    let rows = seen.shape[0] * seen.shape[1];
    let part = |values: &[f64], row: usize| {
        let width = values.len() / rows;
        values[row * width..(row + 1) * width].to_vec()
    };
    let (seen, outputs, actions) = (
        seen.reals().unwrap(),
        outputs.reals().unwrap(),
        actions.reals().unwrap(),
    );
    let mut played = Vec::new();
    for row in 0..rows {
        let ours = reader.outputs(part(&seen, row));
        for (a, b) in ours.iter().zip(part(&outputs, row)) {
            assert!((a - b).abs() < 1e-4, "row {row}: {a} {b}");
        }
        played.push((ours, part(&actions, row)));
    }
    (reader, played)
}

fn largest(values: &[f64]) -> usize {
    let mut best = 0;
    for (i, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = i;
        }
    }
    best
}

#[test]
fn a_reader_of_the_files_acts_as_the_policy_does() {
    let root = tempfile::tempdir().unwrap();
    let agent =
        "kind = \"ppo\"\ntotal_steps = 2048\nhidden = [16, 16]\nactivation = \"tanh\"\nnorm_obs = true";
    let folder = exported(root.path(), "CartPole-v1", agent);
    assert!(folder.join("policy.py").exists());
    let (reader, played) = play(&folder);
    assert_eq!((reader.about.agent.as_str(), reader.about.step), ("ppo", 2048));
    for (outputs, action) in played {
        assert_eq!(largest(&outputs) as f64, action[0]);
    }
}

#[test]
fn action_values_are_put_together_as_the_description_says() {
    let root = tempfile::tempdir().unwrap();
    let agent = "kind = \"dqn\"\ntotal_steps = 2000\nlearning_starts = 500\nhidden = [16]\nactivation = \"tanh\"\ndueling = true";
    let (reader, played) = play(&exported(root.path(), "CartPole-v1", agent));
    let HeadDescription::ActionValues { dueling, atoms, .. } = reader.about.head else {
        panic!("{:?}", reader.about.head);
    };
    assert!(dueling && atoms == 1);
    for (outputs, action) in played {
        assert_eq!(outputs.len(), 3);
        assert_eq!(largest(&outputs[1..]) as f64, action[0]);
    }
}

#[test]
fn means_are_clipped_to_the_bounds() {
    let root = tempfile::tempdir().unwrap();
    let agent = "kind = \"ppo\"\ntotal_steps = 2048\nhidden = [16]\nactivation = \"tanh\"";
    let (_, played) = play(&exported(root.path(), "Pendulum-v1", agent));
    for (outputs, action) in played {
        assert!((outputs[0].clamp(-2.0, 2.0) - action[0]).abs() < 1e-4);
    }
}

#[test]
fn a_folder_without_a_run_is_refused() {
    let root = tempfile::tempdir().unwrap();
    assert!(refused(&["export", text(root.path())]).contains("run.toml"));
}
