//! Where more than one answer is right, or the log of `strace` can't tell.

/// Where more than one answer is right, or the log of `strace` can't tell.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Known {
    /// A rename of one name of a file to another of its names, which does nothing: the model and
    /// the tracker know, but the log of `strace` does not show it.
    RenameOfSameFile,
    /// A link at which a call fails because it is one: probed, where other calls say link. Either
    /// is true, and the model takes either.
    LinkProbed,
}
