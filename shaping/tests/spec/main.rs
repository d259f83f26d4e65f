//! The executable specification of the stack and of every module, on tapes of a toy env.

mod counts;
mod mixing;
mod potentials;
mod properties;
mod run_file;
mod toy;
