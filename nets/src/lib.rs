//! Neural blocks that Prospect's rewards and agents share.
#[cfg(test)]
mod tests { #[test] fn t() { let t = tch::Tensor::zeros([2,3], (tch::Kind::Float, tch::Device::Cpu)) + 1.0; assert_eq!(t.sum(tch::Kind::Float).double_value(&[]), 6.0); } }
