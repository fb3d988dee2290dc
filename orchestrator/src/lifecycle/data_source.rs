//! The source of a generation's data.

use deploy::{databases::DataSet, names::Generation};
use serde::{Deserialize, Serialize};

/// The source of a generation's data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DataSource {
    /// The databases' seeds.
    Seeds,
    /// Another generation of this preview.
    Generation(Generation),
    /// The data of another preview.
    Preview(DataSet),
}
