//! Pure: what the history adds up to. It turns records into sums and rows.
//!
//! It may use the model alone: no input or output, no clock. It must never know where records come
//! from or where rows are shown.

pub mod calibration;
pub mod calibration_table;
pub mod histogram;
pub mod period;
pub mod table;
pub mod usage;

pub use calibration::{Accuracy, CalibrationSums, Figure};
pub use calibration_table::{CalibrationBy, CalibrationReport};
pub use period::Period;
pub use table::{Column, UsageReport, UsageRow};
pub use usage::{By, Usage, UsageSums};
