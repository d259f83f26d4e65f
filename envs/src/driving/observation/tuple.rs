//! `TupleObservation`: several observations at once, each with components of its own.

use prospect_sim::{Field, FieldMut, FieldsMut, SliceMut};

use super::{Observer, ObserverScratch};
use crate::driving::scene::View;

/// Observers side by side. The components of the i-th are named as its own, with `_i` appended.
#[derive(Debug)]
pub struct Tuple {
    parts: Vec<(Box<dyn Observer>, usize)>,
}

impl Tuple {
    /// These observers, in order.
    pub fn new(observers: Vec<Box<dyn Observer>>) -> Self {
        let parts = observers.into_iter().map(|observer| {
            let components = observer.fields().len();
            (observer, components)
        });
        Self {
            parts: parts.collect(),
        }
    }
}

impl Observer for Tuple {
    fn fields(&self) -> Vec<Field> {
        let parts = self.parts.iter().enumerate();
        let named = parts.flat_map(|(i, (observer, _))| {
            let fields = observer.fields().into_iter();
            fields.map(move |field| Field {
                name: format!("{}_{i}", field.name),
                ..field
            })
        });
        named.collect()
    }

    fn observe(
        &self,
        view: &View<'_>,
        agent: usize,
        scratch: &mut ObserverScratch,
        out: &mut FieldsMut<'_>,
        actor: usize,
    ) {
        let mut rest = &mut out[..];
        for (observer, components) in &self.parts {
            let (own, others) = rest.split_at_mut(*components);
            rest = others;
            let mut own: FieldsMut<'_> = own.iter_mut().map(borrow).collect();
            observer.observe(view, agent, scratch, &mut own, actor);
        }
    }
}

/// The same field, borrowed for a while.
fn borrow<'a>(field: &'a mut FieldMut<'_>) -> FieldMut<'a> {
    let data = match &mut field.data {
        SliceMut::U8(values) => SliceMut::U8(values),
        SliceMut::I32(values) => SliceMut::I32(values),
        SliceMut::F32(values) => SliceMut::F32(values),
        SliceMut::Bool(values) => SliceMut::Bool(values),
    };
    FieldMut {
        width: field.width,
        data,
    }
}
