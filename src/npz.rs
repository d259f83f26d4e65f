//! Reading and writing `.npy` and `.npz` files: arrays by name, with their shapes.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::{Context, Result, anyhow, bail};
use npyz::{
    AutoSerialize, DType, NpyFile, TypeChar as C, WriterBuilder,
    npz::{NpzArchive, NpzWriter},
    zip::{CompressionMethod, DateTime, write::FileOptions},
};

/// An `.npz` file that is being written.
pub struct NpzOut {
    writer: NpzWriter<BufWriter<File>>,
}

impl NpzOut {
    /// Creates or replaces `path`.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
        Ok(Self {
            writer: NpzWriter::new(BufWriter::new(file)),
        })
    }

    /// Adds an array of numbers or truth values.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn array<T: AutoSerialize + Copy>(
        &mut self,
        name: &str,
        shape: &[usize],
        values: impl IntoIterator<Item = T>,
    ) -> Result<()> {
        let shape: Vec<_> = shape.iter().map(|&n| n as u64).collect();
        let mut writer = self
            .writer
            .array(name, options())?
            .default_dtype()
            .shape(&shape)
            .begin_nd()?;
        writer.extend(values)?;
        writer.finish()?;
        Ok(())
    }

    /// Adds an array of texts, as numpy unicode wide enough for the longest.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn texts(&mut self, name: &str, shape: &[usize], texts: &[impl AsRef<str>]) -> Result<()> {
        let widest = texts
            .iter()
            .map(|text| text.as_ref().chars().count())
            .max()
            .unwrap_or(0)
            .max(1);
        let shape: Vec<_> = shape.iter().map(|&n| n as u64).collect();
        let dtype = DType::Plain(format!("<U{widest}").parse().map_err(|why| anyhow!("{why}"))?);
        let mut writer = self
            .writer
            .array(name, options())?
            .dtype(dtype)
            .shape(&shape)
            .begin_nd()?;
        for text in texts {
            writer.push(text.as_ref())?;
        }
        writer.finish()?;
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn finish(mut self) -> Result<()> {
        self.writer.zip_writer().finish()?.flush()?;
        Ok(())
    }
}

/// Without the time of writing: equal arrays make equal files.
fn options() -> FileOptions {
    FileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
}

/// Values read from a file, as 64-bit numbers where they are numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Integers and truth values.
    Integers(Vec<i64>),
    /// Reals.
    Reals(Vec<f64>),
    /// Texts.
    Texts(Vec<String>),
}

/// An array read from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values in C order.
    pub values: Values,
}

impl Array {
    /// The number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// True if there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values as reals.
    ///
    /// # Errors
    /// If they are texts.
    pub fn reals(&self) -> Result<Vec<f64>> {
        match &self.values {
            Values::Integers(v) => Ok(v.iter().map(|&x| x as f64).collect()),
            Values::Reals(v) => Ok(v.clone()),
            Values::Texts(_) => bail!("it holds texts, not numbers"),
        }
    }
}

fn values<R: std::io::Read>(npy: NpyFile<R>) -> Result<Array> {
    if npy.order() != npyz::Order::C {
        bail!("it is in Fortran order; save it with numpy.ascontiguousarray");
    }
    let shape = npy.shape().iter().map(|&n| n as usize).collect();
    let DType::Plain(dtype) = npy.dtype() else {
        bail!("it holds records, not plain values")
    };
    macro_rules! read {
        ($T:ty, $Kind:ident, $into:expr) => {
            Values::$Kind(npy.into_vec::<$T>()?.into_iter().map($into).collect())
        };
    }
    let values = match (dtype.type_char(), dtype.size_field()) {
        (C::Int, 1) => read!(i8, Integers, i64::from),
        (C::Int, 2) => read!(i16, Integers, i64::from),
        (C::Int, 4) => read!(i32, Integers, i64::from),
        (C::Int, 8) => read!(i64, Integers, |x| x),
        (C::Uint, 1) => read!(u8, Integers, i64::from),
        (C::Uint, 2) => read!(u16, Integers, i64::from),
        (C::Uint, 4) => read!(u32, Integers, i64::from),
        (C::Uint, 8) => read!(u64, Integers, |x| x as i64),
        (C::Bool, _) => read!(bool, Integers, i64::from),
        (C::Float, 4) => read!(f32, Reals, f64::from),
        (C::Float, 8) => read!(f64, Reals, |x| x),
        (C::UnicodeStr, _) => read!(String, Texts, |x| x),
        _ => bail!("values of type {dtype} are not understood"),
    };
    Ok(Array { shape, values })
}

/// Reads a `.npy` file.
///
/// # Errors
/// If the file cannot be opened, is no `.npy` file or is cut short.
pub fn read_npy(path: &Path) -> Result<Array> {
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let npy = NpyFile::new(std::io::BufReader::new(file))
        .with_context(|| format!("{} is no .npy file", path.display()))?;
    values(npy).with_context(|| format!("reading {}", path.display()))
}

/// An `.npz` file that is being read.
pub struct NpzIn {
    archive: NpzArchive<std::io::BufReader<File>>,
    path: std::path::PathBuf,
}

impl NpzIn {
    /// Opens `path`.
    ///
    /// # Errors
    /// If the file cannot be opened or is no `.npz` file.
    pub fn open(path: &Path) -> Result<Self> {
        let archive =
            NpzArchive::open(path).with_context(|| format!("{} is no .npz file", path.display()))?;
        Ok(Self {
            archive,
            path: path.to_owned(),
        })
    }

    /// Reads one array; none if there is none of that name.
    ///
    /// # Errors
    /// If it is cut short or of a type that is not understood.
    pub fn read(&mut self, name: &str) -> Result<Option<Array>> {
        let place = || format!("array `{name}` of {}", self.path.display());
        match self.archive.by_name(name).with_context(place)? {
            None => Ok(None),
            Some(npy) => values(npy).map(Some).with_context(|| format!("array `{name}`")),
        }
    }
}
