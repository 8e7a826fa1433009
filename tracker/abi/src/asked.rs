//! How a program came by the value of an environment variable that it asked for by name.

/// How a program came by the value of an environment variable that it asked for by name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Asked {
    /// From its own environment; or it got none, because it may not ask for more than is in there.
    OfItself = 0,
    /// On demand: it got what is kept outside of its environment, or none if there is none.
    OnDemand = 1,
    /// It got none, because what is kept outside of its environment could not be had.
    Doubtful = 2,
}

impl Asked {
    /// All there are, each at the place that is its number.
    pub const ALL: [Self; 3] = [Self::OfItself, Self::OnDemand, Self::Doubtful];
}
