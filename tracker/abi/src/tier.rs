//! The ways in which a process tree can be watched, best first.

/// A way in which a process tree is watched.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Tier {
    /// The kernel stops calls and asks a listener. Every process is seen.
    Notification = 0,
    /// The kernel stops calls and asks a tracer. Every process is seen, at nearly twice the price,
    /// and no process of the tree can be debugged.
    Ptrace = 1,
    /// Processes tell of themselves. Those that are linked statically, or call the kernel on their
    /// own, don't, so such a trace is never complete.
    Preload = 2,
}

impl Tier {
    /// All of them, best first.
    pub const ALL: [Self; 3] = [Self::Notification, Self::Ptrace, Self::Preload];

    /// A short name that stays the same between versions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Notification => "notification",
            Self::Ptrace => "ptrace",
            Self::Preload => "preload",
        }
    }
}

/// Which tiers may be tried. They are tried in the order of [`Tier::ALL`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Tiers(u8);

impl Tiers {
    /// Every tier.
    pub const ALL: Self = Self(0b111);
    /// None: the command runs unwatched.
    pub const NONE: Self = Self(0);

    /// Only this one.
    #[must_use]
    pub const fn only(tier: Tier) -> Self {
        Self(1 << tier as u8)
    }

    /// These without one.
    #[must_use]
    pub const fn without(self, tier: Tier) -> Self {
        Self(self.0 & !(1 << tier as u8))
    }

    /// Whether a tier may be tried.
    #[must_use]
    pub const fn contains(self, tier: Tier) -> bool {
        self.0 & (1 << tier as u8) != 0
    }
}

impl Default for Tiers {
    fn default() -> Self {
        Self::ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_is_in_a_set_until_it_is_taken_out() {
        for tier in Tier::ALL {
            assert!(Tiers::ALL.contains(tier));
            assert!(!Tiers::ALL.without(tier).contains(tier));
            assert!(!Tiers::NONE.contains(tier));
            let others = Tier::ALL.into_iter().filter(|other| *other != tier);
            for other in others {
                assert!(!Tiers::only(tier).contains(other));
                assert!(Tiers::ALL.without(tier).contains(other));
            }
        }
    }
}
