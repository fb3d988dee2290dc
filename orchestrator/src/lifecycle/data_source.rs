//! Where the data of a generation come from.

use deploy::{databases::DataSet, names::Generation};
use serde::{Deserialize, Serialize};

/// Where the data of a generation come from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DataSource {
    /// From their seeds.
    Seeds,
    /// From another generation of this preview.
    Generation(Generation),
    /// From another preview.
    Preview(DataSet),
}
